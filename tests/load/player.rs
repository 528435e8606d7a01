//! What plays: a client of one session, or of several whose steps share calls.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};

/// Sessions that are opened or closed at a time.
const AT_ONCE: usize = 64;

/// The kinds of the failures of a call, one for each step that failed.
pub type Failures = Vec<String>;

/// Plays one session or several; one call takes a step in each.
pub trait Player: Send + Sized + 'static {
    /// The number of its sessions.
    fn sessions(&self) -> usize;
    /// Takes the next step of each session. After a failure the same step is next.
    fn step(&mut self) -> impl Future<Output = Failures> + Send;
    /// Ends its sessions.
    fn close(self) -> impl Future<Output = Failures> + Send;
}

/// What a session plays.
#[derive(Clone, Debug)]
pub struct Script {
    /// The code of every step; `None` for a counter, whose output is checked.
    pub code: Option<String>,
    /// Steps of an episode. Then it is closed, and the session goes on with a new one.
    pub episode_steps: u64,
    /// How long the answer to a step may take.
    pub timeout: Duration,
}

impl Script {
    /// The code of a step.
    pub fn code(&self, step: u64) -> &str {
        match (&self.code, step) {
            (Some(code), _) => code,
            (None, 0) => "n = 0\nprint(n)",
            (None, _) => "n += 1\nprint(n)",
        }
    }

    /// What is wrong with what a step told. Only a session that lost no step and took none twice counts correctly.
    pub fn problem(&self, step: u64, success: bool, output: &str) -> Option<String> {
        let is_right = self.code.is_some() || output.trim_end() == step.to_string();
        match (success, is_right) {
            (true, true) => None,
            (true, false) => Some("wrong output".to_owned()),
            (false, _) => Some("failed in Python".to_owned()),
        }
    }
}

/// Opens players, many at a time.
pub async fn open_all<P, F>(count: usize, open: impl Fn(usize) -> F) -> Result<Vec<P>>
where
    F: Future<Output = Result<P>>,
{
    stream::iter(0..count).map(open).buffer_unordered(AT_ONCE).try_collect().await
}

/// Lets players take their first steps, many at a time: an episode's first step makes its interpreter.
pub async fn start_all<P: Player>(players: Vec<P>) -> (Vec<P>, Failures) {
    let start = async |mut player: P| {
        let failures = player.step().await;
        (player, failures)
    };
    let started: Vec<_> = stream::iter(players).map(start).buffer_unordered(AT_ONCE).collect().await;
    let (players, failures): (_, Vec<Failures>) = started.into_iter().unzip();
    (players, failures.concat())
}

/// Closes players, many at a time.
pub async fn close_all<P: Player>(players: Vec<P>) -> Failures {
    stream::iter(players).map(P::close).buffer_unordered(AT_ONCE).concat().await
}

/// A script that players share.
pub type SharedScript = Arc<Script>;
