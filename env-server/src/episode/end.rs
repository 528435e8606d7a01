//! How an episode ended.

use std::fmt;

use proto::run::Evaluation;
use serde::{Deserialize, Serialize};

/// Why an episode ended, and how well its task was solved by then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Why it ended.
    pub reason: EndReason,
    /// How well the task was solved.
    #[serde(with = "as_json")]
    pub evaluation: Evaluation,
}

/// Why an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A closed episode.
pub struct Closed {
    /// How it ended.
    pub end: End,
    /// Steps taken.
    pub steps: u64,
    /// Whether it was open before.
    pub newly: bool,
}

impl EndReason {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Finished, Self::MaxSteps, Self::Closed, Self::LeaseExpired, Self::Shutdown];

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

/// An evaluation as JSON text: its metrics are any JSON, which compact encodings can't hold.
mod as_json {
    use proto::run::Evaluation;
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub fn serialize<S: Serializer>(evaluation: &Evaluation, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::to_string(evaluation).map_err(S::Error::custom)?.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Evaluation, D::Error> {
        let json = String::deserialize(deserializer)?;
        serde_json::from_str(&json).map_err(D::Error::custom)
    }
}
