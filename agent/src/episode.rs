//! One episode: it is created, the model and the environment take turns, and it is closed and evaluated.
//!
//! | module       | what it holds                           |
//! |--------------|-----------------------------------------|
//! | `assignment` | which episode to play                   |
//! | `branches`   | an episode that is forked on its way    |
//! | `player`     | who plays, and where                    |
//! | `turns`      | the loop: deadlines, model calls, steps |
//! | `spans`      | what is traced of it                    |
//! | `end`        | how an episode can end                  |
//! | `error`      | why an episode has no evaluation        |
//!
//! Mistakes of the model or of its code are shown to the model and cost a turn. Only a failure of a server or
//! of the connection to it is an [`Error`]. How the model acts is up to the module `acting`.

use std::time::Duration;

use end::End;
use error::{CLOSE, CREATE, call_failed};
use proto::env::v1;
use proto::trace;
use tokio::sync::watch;
use tokio::time::timeout;
use turns::Turns;

use crate::recorder::Recorder;
use crate::stop::stopped;

mod assignment;
mod branches;
mod end;
mod error;
mod player;
mod spans;
mod turns;

pub use assignment::{Assignment, MAX_ID};
pub use branches::{Branch, Branches};
pub use error::Error;
pub use player::Player;

/// How long closing the episode of a stopped run may take: someone is waiting.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// The most attempts of an episode whose servers are lost.
const MOST_ATTEMPTS: u32 = 10;

/// The result of an episode.
#[derive(Debug)]
pub struct Outcome {
    /// Everything that happened.
    pub trace: trace::Trace,
    /// How well the task was solved, or why there is no evaluation.
    pub evaluation: Result<v1::Evaluation, Error>,
    /// Why earlier attempts of it were lost with their servers.
    pub lost: Vec<String>,
}

impl Player {
    /// Plays one episode to its end. When `stop` turns true, the episode is closed and its evaluation is
    /// [`Error::Interrupted`]. If it is lost with its server, and a server is there, it is played again from the beginning.
    pub async fn play(&self, assignment: &Assignment, stop: watch::Receiver<bool>) -> Outcome {
        let (mut attempt, mut lost) = (0, Vec::new());
        loop {
            let attempted = assignment.again(attempt);
            let span = spans::invoke_agent(&self.agent, &attempted);
            let outcome = span.around(self.play_once(&attempted, stop.clone())).await;
            spans::played(&span, &outcome.trace, outcome.evaluation.as_ref().err());
            match &outcome.evaluation {
                Err(error)
                    if self.may_go_on_after(error) && attempt + 1 < MOST_ATTEMPTS && !*stop.borrow() =>
                {
                    lost.push(error.to_string());
                    attempt += 1;
                }
                _ => return Outcome { lost, ..outcome },
            }
        }
    }

    /// Whether another attempt may succeed. Calls to a server that can't be reached were repeated for long.
    fn may_go_on_after(&self, error: &Error) -> bool {
        match error {
            Error::Call { error, .. } if error.is_unreachable() => self.environments.is_ready(),
            _ => error.is_lost_episode(),
        }
    }

    async fn play_once(&self, assignment: &Assignment, mut stop: watch::Receiver<bool>) -> Outcome {
        let mut recorder = Recorder::start(self.provenance(assignment), self.watcher.clone());
        let played = tokio::select! {
            played = self.take_turns(assignment, &mut recorder) => played,
            () = stopped(&mut stop) => Err(Error::Interrupted),
        };
        let (end, evaluation) = match played {
            Ok(end) => (end, self.evaluate(&recorder.provenance().episode_id).await),
            // There is no episode to close.
            Err(error @ Error::Call { call: CREATE, .. }) => (End::Error, Err(error)),
            Err(error) => {
                // An open episode would hold its place on the server until its lease ends. If closing fails
                // too, the first error is the one to report.
                let close = self.leave(assignment, &recorder.provenance().episode_id);
                let _ = timeout(CLOSE_LIMIT, close).await;
                let end = if matches!(error, Error::Interrupted) { End::Interrupted } else { End::Error };
                (end, Err(error))
            }
        };
        if let Err(error) = &evaluation {
            recorder.error(&error.to_string());
        }
        Outcome { trace: recorder.finish(end.name()), evaluation, lost: Vec::new() }
    }

    async fn take_turns(&self, assignment: &Assignment, recorder: &mut Recorder) -> Result<End, Error> {
        let mut turns = Turns::begin(self, assignment, recorder).await?;
        turns.take(recorder).await
    }

    /// Closes an episode that was played to its end.
    async fn evaluate(&self, episode_id: &str) -> Result<v1::Evaluation, Error> {
        let closed = self.environments.close(episode_id).await.map_err(call_failed(CLOSE))?;
        closed.evaluation.ok_or(Error::Incomplete { call: CLOSE, what: "evaluation" })
    }

    /// Closes an episode that was not played to its end, also one whose creation was interrupted.
    async fn leave(&self, assignment: &Assignment, episode_id: &str) {
        if let Ok(false) = self.environments.abandon(&assignment.episode_id).await {
            let _ = self.environments.close(episode_id).await;
        }
    }

    fn provenance(&self, assignment: &Assignment) -> trace::Provenance {
        trace::Provenance {
            schema_version: trace::SCHEMA_VERSION.to_owned(),
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
