//! One episode: it is created, the model and the environment take turns, and it is closed and evaluated.
//!
//! | module       | what it holds                           |
//! |--------------|-----------------------------------------|
//! | `assignment` | which episode to play                   |
//! | `player`     | who plays, and where                    |
//! | `turns`      | the loop: deadlines, model calls, steps |
//! | `spans`      | what is traced of it                    |
//! | `end`        | how an episode can end                  |
//! | `error`      | why an episode has no evaluation        |
//!
//! Mistakes of the model or of its code are shown to the model and cost a turn. Only a failure of a server or
//! of the connection to it is an [`Error`]. How the model acts is up to the module `acting`.

use std::time::Duration;

use client::{Environment, is_unreachable};
use end::End;
use error::{CLOSE, CREATE, call_failed};
use proto::env::v1;
use proto::trace;
use tokio::sync::watch;
use tokio::time::timeout;
use turns::Turns;

use crate::recorder::{self, Recorder};
use crate::stop::stopped;

mod assignment;
mod end;
mod error;
mod player;
mod spans;
mod turns;

pub use assignment::Assignment;
pub use error::Error;
pub use player::Player;

/// How long closing the episode of a stopped run may take: someone is waiting.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// The result of an episode.
#[derive(Debug)]
pub struct Outcome {
    /// Everything that happened.
    pub trace: trace::Trace,
    /// How well the task was solved, or why there is no evaluation.
    pub evaluation: Result<v1::Evaluation, Error>,
}

impl Player {
    /// Plays one episode to its end. When `stop` turns true, the episode is closed and its evaluation is
    /// [`Error::Interrupted`]. If its server is lost and another one is there, it is played again on that one, from the
    /// beginning.
    pub async fn play(&self, assignment: &Assignment, stop: watch::Receiver<bool>) -> Outcome {
        let mut attempt = 0;
        loop {
            let seat = self.environments.call();
            let attempted = assignment.again(attempt);
            let span = spans::invoke_agent(&self.agent, &attempted);
            let outcome = span.around(self.play_on(seat.server(), &attempted, stop.clone())).await;
            let end = outcome.trace.summary.finish_reason.as_deref().unwrap_or_default();
            spans::played(&span, end, outcome.evaluation.as_ref().err());
            let is_lost =
                matches!(&outcome.evaluation, Err(Error::Call { status, .. }) if is_unreachable(status));
            if is_lost {
                seat.failed();
            }
            drop(seat);
            if !is_lost || !self.environments.is_ready() || *stop.borrow() {
                return outcome;
            }
            attempt += 1;
        }
    }

    async fn play_on(
        &self,
        environment: &Environment,
        assignment: &Assignment,
        mut stop: watch::Receiver<bool>,
    ) -> Outcome {
        let mut recorder = Recorder::start(self.provenance(assignment), self.watcher.clone());
        let played = tokio::select! {
            played = self.take_turns(environment, assignment, &mut recorder) => played,
            () = stopped(&mut stop) => Err(Error::Interrupted),
        };
        let (end, evaluation) = match played {
            Ok(end) => (end, evaluate(environment, &assignment.episode_id).await),
            // There is no episode to close.
            Err(error @ Error::Call { call: CREATE, .. }) => (End::Error, Err(error)),
            Err(error) => {
                // An open episode would hold its place on the server until its lease ends. If closing fails
                // too, the first error is the one to report.
                let _ = timeout(CLOSE_LIMIT, environment.close(&assignment.episode_id)).await;
                let end = if matches!(error, Error::Interrupted) { End::Interrupted } else { End::Error };
                (end, Err(error))
            }
        };
        if let Err(error) = &evaluation {
            recorder.error(&error.to_string());
        }
        Outcome { trace: recorder.finish(end.name()), evaluation }
    }

    async fn take_turns(
        &self,
        environment: &Environment,
        assignment: &Assignment,
        recorder: &mut Recorder,
    ) -> Result<End, Error> {
        let mut turns = Turns::begin(self, environment, assignment, recorder).await?;
        turns.take(recorder).await
    }

    fn provenance(&self, assignment: &Assignment) -> trace::Provenance {
        trace::Provenance {
            schema_version: recorder::SCHEMA_VERSION.to_owned(),
            episode_id: assignment.episode_id.clone(),
            task_id: assignment.task.task_id.clone(),
            family: assignment.task.family.clone(),
            task_sha256: assignment.task.public_sha256.clone(),
            interpreter_state: self.agent.interpreter_state.name().to_owned(),
            semantics: self.agent.semantics,
            state_loss: self.agent.state_loss,
            seeds: trace::Seeds { task: assignment.task.seed, episode: 0, policy: assignment.policy_seed },
            tools: Vec::new(),
            limits: serde_json::Value::Null,
            versions: assignment.versions.clone(),
            agent: serde_json::to_value(&self.agent).unwrap_or_default(),
        }
    }
}

/// Closes an episode that was played to its end.
async fn evaluate(environment: &Environment, episode_id: &str) -> Result<v1::Evaluation, Error> {
    let closed = environment.close(episode_id).await.map_err(call_failed(CLOSE))?;
    closed.evaluation.ok_or(Error::Incomplete { call: CLOSE, what: "evaluation" })
}
