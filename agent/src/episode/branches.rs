//! An episode that is forked on its way: several players go on from one state of it.

use futures::future::join_all;
use proto::env::v1;
use proto::trace::Trace;

use super::Player;
use super::assignment::Assignment;
use super::error::{CLOSE, Error, FORK, call_failed};
use super::turns::Turns;
use crate::recorder::Recorder;

/// The episodes that went on from one state.
#[derive(Debug)]
pub struct Branches {
    /// Steps that the environment ran before.
    pub shared_steps: u64,
    /// The number of events that the traces begin with alike.
    pub shared_events: usize,
    /// How each of them went on, in the players' order; none if the episode ended before.
    pub played: Vec<Branch>,
}

/// An episode that began as a copy of another one.
#[derive(Debug)]
pub struct Branch {
    /// All that happened in it, from the beginning of the episode that was copied.
    pub trace: Trace,
    /// How well the task was solved.
    pub evaluation: v1::Evaluation,
}

impl Player {
    /// Plays an episode for this number of turns and forks it there: for each player and assignment that `others` makes then,
    /// there is a copy of the interpreter, of the task's hidden state and of the conversation, which is played to its end.
    ///
    /// # Errors
    /// The first failure of a server.
    pub async fn branch(
        &self,
        assignment: &Assignment,
        turns: u32,
        others: impl FnOnce() -> Vec<(Self, Assignment)>,
    ) -> Result<Branches, Error> {
        let mut recorder = Recorder::start(self.provenance(assignment), None);
        let mut trunk = Turns::begin(self, assignment, &mut recorder).await?;
        let ended = trunk.take_until(turns, &mut recorder).await;
        if !matches!(ended, Ok(None)) {
            // It has no branches, so nobody asks how well it did.
            let closed = self.environments.close(trunk.episode_id()).await.map_err(call_failed(CLOSE));
            ended?;
            closed?;
            return Ok(Branches {
                shared_steps: trunk.steps(),
                shared_events: recorder.events(),
                played: Vec::new(),
            });
        }
        let others = others();
        let ids: Vec<String> = others.iter().map(|(_, assignment)| assignment.episode_id.clone()).collect();
        let forks =
            self.environments.fork(trunk.episode_id(), &ids, None).await.map_err(call_failed(FORK))?;
        self.environments.close(trunk.episode_id()).await.map_err(call_failed(CLOSE))?;

        let branches = others.into_iter().zip(forks);
        let played = branches.map(|((player, assignment), fork)| {
            let (trunk, mut recorder) = (&trunk, recorder.clone());
            // The player leaves when its episode has ended, whether the others have or not.
            async move {
                recorder.provenance().episode_id.clone_from(&fork.episode_id);
                recorder.provenance().seeds.policy = assignment.policy_seed;
                let end =
                    trunk.forked(&player, &assignment, fork.episode_id.clone()).take(&mut recorder).await?;
                let evaluation = player.evaluate(&fork.episode_id).await?;
                Ok(Branch { trace: recorder.finish(end.name()), evaluation })
            }
        });
        let played = join_all(played).await.into_iter().collect::<Result<Vec<_>, Error>>()?;
        let (shared_steps, shared_events) = (trunk.steps(), recorder.events());
        Ok(Branches { shared_steps, shared_events, played })
    }
}
