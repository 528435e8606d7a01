//! How an episode can end.

use proto::env::v1;

use super::error::Error;

/// How an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The agent called `finish`.
    FinishTool,
    /// The turns or, which is the same to an agent, the steps are used up.
    MaxTurns,
    /// The episode's time is over.
    Timeout,
    /// The episode's tokens are used up.
    TokenBudget,
    /// The conversation does not fit the model's context any more.
    ContextLength,
    /// The player left.
    Left,
    /// The run was stopped.
    Interrupted,
    /// See the episode's [`Error`].
    Error,
}

impl End {
    /// The `finish_reason` in traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::FinishTool => "finish_tool",
            Self::MaxTurns => "max_turns",
            Self::Timeout => "timeout",
            Self::TokenBudget => "token_budget",
            Self::ContextLength => "context_length",
            Self::Left => "left",
            Self::Interrupted => "interrupted",
            Self::Error => "error",
        }
    }

    /// How a step ended its episode; `None` if it did not.
    ///
    /// # Errors
    /// [`Error::Ended`] if the server ended the episode for reasons of its own.
    pub fn of_step(response: &v1::StepResponse) -> Result<Option<Self>, Error> {
        match (response.terminated, response.truncated, response.end_reason()) {
            (true, ..) => Ok(Some(Self::FinishTool)),
            (false, false, _) => Ok(None),
            // A step costs a turn, so both limits are one to the agent.
            (false, true, v1::EndReason::MaxSteps) => Ok(Some(Self::MaxTurns)),
            (false, true, reason) => Err(Error::Ended { reason }),
        }
    }
}
