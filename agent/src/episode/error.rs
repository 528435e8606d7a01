//! Why an episode has no evaluation.

use client::{CallError, end_reason};
use proto::env::{self, v1};
use proto::semantics::Semantics;
use tonic::Code;

use crate::model;

/// Calls, as errors name them.
pub const CREATE: &str = "CreateEpisode";
pub const STEP: &str = "Step";
pub const KEEP_ALIVE: &str = "KeepAlive";
pub const FORK: &str = "ForkEpisode";
pub const CLOSE: &str = "CloseEpisode";

/// Why an episode has no evaluation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call failed: the server refused it or could not be reached.
    #[error("{call}: {error}")]
    Call {
        /// The call.
        call: &'static str,
        /// What the server reported, and which server it is.
        error: CallError,
    },
    /// The model's server can't be used.
    #[error(transparent)]
    Model(model::Error),
    /// The server ended the episode for reasons of its own.
    #[error("the server ended the episode ({})", env::end_reason_name(*reason))]
    Ended {
        /// The reason.
        reason: v1::EndReason,
    },
    /// A field is missing from the server's answer.
    #[error("the server's answer to {call} has no {what}")]
    Incomplete {
        /// The call.
        call: &'static str,
        /// The field.
        what: &'static str,
    },
    /// The server does not lose state as the config requests: its version does not know the setting.
    #[error(
        "`state_loss` is {asked} in the config, but the server has {in_force} in force; a server of this agent's \
         version does as it is asked"
    )]
    StateLoss {
        /// The probability in the config.
        asked: f64,
        /// The probability in force.
        in_force: f64,
    },
    /// The server does not run code as the config requests: its version does not know the setting.
    #[error(
        "`semantics` is {asked} in the config, but the server has {in_force} in force; a server of this agent's version \
         does as it is asked"
    )]
    Semantics {
        /// The semantics in the config.
        asked: Semantics,
        /// The semantics in force.
        in_force: Semantics,
    },
    /// A prompt's template is broken.
    #[error("writing a prompt: {0}")]
    Prompt(#[from] minijinja::Error),
    /// The run was stopped.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Whether the episode is gone because its server ends, or was started again.
    pub fn is_lost_episode(&self) -> bool {
        match self {
            Self::Call { call: CREATE, .. } => false,
            Self::Call { error, .. } => {
                error.status.code() == Code::NotFound
                    || end_reason(&error.status) == Some(v1::EndReason::Shutdown)
            }
            Self::Ended { reason } => *reason == v1::EndReason::Shutdown,
            _ => false,
        }
    }

    /// The server that could not be used, if that is why the episode failed.
    pub fn unreachable(&self) -> Option<&'static str> {
        match self {
            Self::Call { error, .. } if error.is_unreachable() => Some("environment server"),
            Self::Model(_) => Some("model server"),
            _ => None,
        }
    }
}

/// The error of a failed call.
pub fn call_failed(call: &'static str) -> impl Fn(CallError) -> Error {
    move |error| Error::Call { call, error }
}
