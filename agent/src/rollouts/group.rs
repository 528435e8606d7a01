//! The rollouts of one group: from the task's start, or from a state of one episode, which is forked.

use std::future::Future;
use std::sync::Arc;

use acting::prompts::Prompts;
use client::Environments;
use futures::future::try_join_all;
use proto::env::v1;
use proto::rollout::{Branch, Group, Habits, Rollout, Sequence};
use proto::trace::{Trace, Versions};
use tokio::sync::watch;

use super::error::Error;
use super::rounds::{Rounds, Seat};
use crate::config::AgentConfig;
use crate::episode::{self, Assignment, Player};

/// What all groups are played with.
pub struct Table<'run> {
    pub agent: &'run AgentConfig,
    pub prompts: Arc<Prompts>,
    pub environments: Environments,
    pub tasks: &'run [v1::TaskSummary],
    /// Distinguishes the episodes of this program from those of an earlier start.
    pub start: String,
}

/// What came of a group.
pub struct Part {
    pub rollouts: Vec<Rollout>,
    /// Steps of the environment.
    pub steps: u64,
}

/// A group that is to be played.
struct Playing<'run> {
    table: &'run Table<'run>,
    group: &'run Group,
    number: usize,
    task: &'run v1::TaskSummary,
    /// Begins the ids of its episodes.
    id: String,
}

impl Table<'_> {
    /// Plays the group of this number, whose task is one of these. Its episodes are seated at once, and play when the future is
    /// polled. `batch` tells the batches of this program apart.
    pub fn group<'run>(
        &'run self,
        rounds: Rounds,
        batch: u64,
        number: usize,
        group: &'run Group,
    ) -> impl Future<Output = Result<Part, Error>> + 'run {
        let count = if group.branch.is_none() { group.seeds.len() } else { 1 };
        let seats: Vec<Arc<Seat>> = (0..count).map(|index| rounds.seat((number, index))).collect();
        let id = format!("rollout.{}.{batch}.{number}", self.start);
        let playing = Playing { table: self, group, number, task: &self.tasks[group.task], id };
        async move {
            match group.branch {
                None => playing.play_from_start(seats).await,
                Some(branch) => playing.play_from_fork(branch, seats, &rounds).await,
            }
        }
    }
}

impl Playing<'_> {
    async fn play_from_start(&self, seats: Vec<Arc<Seat>>) -> Result<Part, Error> {
        // The sender stays, since nothing stops the episodes.
        let (_stop, stopped) = watch::channel(false);
        let episodes = seats.into_iter().zip(&self.group.seeds).enumerate().map(|(index, (seat, seed))| {
            let stopped = stopped.clone();
            async move {
                let assignment = self.assignment(&index.to_string(), *seed);
                let outcome = self.player(seat).play(&assignment, stopped).await;
                let evaluation = outcome.evaluation.map_err(|error| self.failed(error))?;
                self.rollout(&outcome.trace, 0, &evaluation)
            }
        });
        let rollouts = try_join_all(episodes).await?;
        Ok(Part { steps: rollouts.iter().map(|rollout| rollout.habits.steps).sum(), rollouts })
    }

    async fn play_from_fork(
        &self,
        branch: Branch,
        seats: Vec<Arc<Seat>>,
        rounds: &Rounds,
    ) -> Result<Part, Error> {
        let Some(seat) = seats.into_iter().next() else { return Ok(Part { rollouts: Vec::new(), steps: 0 }) };
        let others = || {
            let other = |(index, seed): (usize, &u64)| {
                let assignment = self.assignment(&index.to_string(), *seed);
                (self.player(rounds.seat((self.number, index))), assignment)
            };
            let others = self.group.seeds.iter().enumerate().map(other).collect();
            // Not before the others are seated, or a round could begin without them.
            seat.leave();
            others
        };
        let trunk = self.assignment("trunk", branch.seed);
        let played = self.player(seat.clone()).branch(&trunk, branch.turns, others).await;
        let played = played.map_err(|error| self.failed(error))?;
        let rollouts = (played.played.iter())
            .map(|branch| self.rollout(&branch.trace, played.shared_events, &branch.evaluation))
            .collect::<Result<Vec<_>, _>>()?;
        let steps = played.shared_steps + rollouts.iter().map(|rollout| rollout.habits.steps).sum::<u64>();
        Ok(Part { rollouts, steps })
    }

    fn player(&self, seat: Arc<Seat>) -> Player {
        let Table { agent, prompts, environments, .. } = self.table;
        Player {
            agent: (*agent).clone(),
            model: seat,
            prompts: prompts.clone(),
            environments: environments.clone(),
            watcher: None,
        }
    }

    fn assignment(&self, name: &str, policy_seed: u64) -> Assignment {
        Assignment {
            task: self.task.clone(),
            episode_id: format!("{}.{name}", self.id),
            policy_seed,
            versions: Versions::default(),
        }
    }

    /// A trace as a rollout; what was before the event `first_event` is not its own.
    fn rollout(
        &self,
        trace: &Trace,
        first_event: usize,
        evaluation: &v1::Evaluation,
    ) -> Result<Rollout, Error> {
        let task = self.task.task_id.clone();
        let sequences = Sequence::of(trace, first_event);
        let sequences = sequences.map_err(|problem| Error::Trace { task: task.clone(), problem })?;
        Ok(Rollout {
            group: self.number,
            task_id: task,
            sequences,
            reward: evaluation.score,
            is_solved: evaluation.is_solved,
            end: trace.summary.finish_reason.clone().unwrap_or_default(),
            habits: Habits::of(trace, first_event),
        })
    }

    fn failed(&self, error: episode::Error) -> Error {
        Error::Episode { task: self.task.task_id.clone(), error }
    }
}
