//! The kinds of stages.

use serde::{Deserialize, Serialize};

/// What a stage does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Generates tasks.
    Tasks,
    /// Plays a teacher's episodes.
    Traces,
    /// Writes drills.
    Drills,
    /// Makes a tokenizer and random weights.
    Init,
    /// Turns traces or drills into samples.
    Prepare,
    /// Trains a model or an adapter.
    Train,
    /// Plays a model's episodes.
    Evaluate,
    /// Writes the report.
    Report,
}

impl Kind {
    /// The name in files and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Traces => "traces",
            Self::Drills => "drills",
            Self::Init => "init",
            Self::Prepare => "prepare",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Report => "report",
        }
    }

    /// The release date of the rules by which its program makes an output. It is a part of a stage's key and must change
    /// when the same settings and inputs would give an output that is not comparable any more.
    pub fn rules(self) -> &'static str {
        match self {
            Self::Drills | Self::Init | Self::Train | Self::Report => "2026-11-20",
            Self::Tasks | Self::Traces | Self::Prepare | Self::Evaluate => "2026-11-28",
        }
    }

    /// Whether its program can resume from what an interrupted run left in the stage's folder.
    pub fn can_resume(self) -> bool {
        matches!(self, Self::Tasks | Self::Traces | Self::Train | Self::Evaluate)
    }
}
