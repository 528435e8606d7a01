//! How an episode ended.

use std::fmt;

use proto::run::Evaluation;

/// Why an episode ended, and how well its task was solved by then.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// Why it ended.
    pub reason: EndReason,
    /// How well the task was solved.
    pub evaluation: Evaluation,
}

/// Why an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The agent called `finish()`: the episode has terminated.
    Finished,
    /// `max_steps` were taken: the episode is truncated.
    MaxSteps,
    /// The client closed it: the episode is truncated.
    Closed,
    /// Its lease ran out: the episode is truncated.
    LeaseExpired,
    /// The server is shutting down: the episode is truncated.
    Shutdown,
}

impl EndReason {
    /// The name in error messages and trace files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::MaxSteps => "max_steps",
            Self::Closed => "closed",
            Self::LeaseExpired => "lease_expired",
            Self::Shutdown => "shutdown",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
