//! Calls that are refused or fail. A failure of the agent's code is not one of them: that is part of an observation.

use std::time::Duration;

use sandbox::NoMemory;

use crate::episode::end::EndReason;

/// A request field that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request, e.g. `limits.memory_bytes`.
    pub field: String,
    /// What it must be.
    pub description: String,
}

impl Violation {
    /// A violation of `field`.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

/// Why a call was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request field is wrong.
    #[error("{}: {}", .0.field, .0.description)]
    Invalid(Violation),
    /// No episode has this id.
    #[error("no episode `{id}`: it was never created, or it was closed or expired and is forgotten")]
    UnknownEpisode {
        /// The requested id.
        id: String,
    },
    /// The episode's id names another server.
    #[error("the episode is on the server `{server}`, as its id says; this is the server `{this_server}`")]
    WrongServer {
        /// The server that the id names.
        server: String,
        /// The name of this one.
        this_server: String,
    },
    /// No task has this id, or no set this name.
    #[error("{0}")]
    UnknownTask(String),
    /// The task's file is not what it was when the server started.
    #[error(
        "the file of the task `{task_id}` of the set `{set}` has changed or is gone since the server started; the \
         server must be started again to offer what is there now"
    )]
    TaskChanged {
        /// The task's set.
        set: String,
        /// The task's id.
        task_id: String,
    },
    /// Another request created an episode with this id.
    #[error("episode `{id}` exists already and was created by a different request")]
    EpisodeExists {
        /// The requested id.
        id: String,
    },
    /// The step index was used for another action.
    #[error("step {index} was already taken with another action; the next step is {next}")]
    StepConflict {
        /// The requested index.
        index: u64,
        /// The index that would be accepted.
        next: u64,
    },
    /// The answer to this old step is no longer kept.
    #[error("the answer to step {index} is no longer kept; an episode keeps its latest steps")]
    StepForgotten {
        /// The requested index.
        index: u64,
    },
    /// The step index skips steps.
    #[error("step {index} leaves a gap; the next step is {next}")]
    StepGap {
        /// The requested index.
        index: u64,
        /// The index that would be accepted.
        next: u64,
    },
    /// The episode has ended.
    #[error("the episode has ended ({reason}); create a new one")]
    Ended {
        /// Why it ended.
        reason: EndReason,
    },
    /// The step was stopped before its end: its deadline passed, or its episode was closed. The episode is as before it.
    #[error("the step was stopped before its end, at the call's deadline; the episode is as before it")]
    Stopped,
    /// No tool host of a family has answered in time, or none is connected. The call had no effect.
    #[error("no tool host of the family `{family}` answers: {why}; the same call may be sent again")]
    NoHost {
        /// The family.
        family: String,
        /// What was waited for.
        why: &'static str,
    },
    /// The code of a hosted family failed, or its answer is none. The call had no effect.
    #[error("the family `{family}` failed: {why} (the log of its tool host says more)")]
    FamilyFault {
        /// The family.
        family: String,
        /// What the host said, or what is wrong with its answer.
        why: String,
    },
    /// The server has no room. The call had no effect.
    #[error(
        "the server has room for {limit} running episodes, all of it taken; close some, or try again later"
    )]
    Full {
        /// The limit.
        limit: usize,
    },
    /// The server's memory is used up. The call had no effect.
    #[error("the server's memory is used up, {} MiB; close episodes, or try again later", .0.limit >> 20)]
    NoMemory(NoMemory),
    /// The caller's tenant has used up a quota. The call had no effect.
    #[error(
        "the tenant's quota {quota}={limit} is used up; try again later, or ask the server's operator for more"
    )]
    OverQuota {
        /// The quota, as the file of tokens names it.
        quota: &'static str,
        /// Its value.
        limit: u64,
        /// How long it will take until there is some left; zero if that can't be told.
        wait: Duration,
    },
    /// The disk with the stored episodes is full. The call had no effect.
    #[error(
        "the disk with the server's stored episodes is full; close episodes, or free space, and try again later"
    )]
    StorageFull,
    /// The step was taken, but its answer has no room beside the others of its batch.
    #[error(
        "the step was taken, but the answers of the batch are too large together; send the same step again for its answer"
    )]
    AnswerLeftOut,
    /// The call needs a credential that this one lacks.
    #[error("{0}")]
    Forbidden(String),
    /// The caller knows another run of the server.
    #[error(
        "the server has restarted (its boot_id is {boot_id} now): an episode that an earlier attempt created is lost; \
         create again with the new boot_id, or with none, if another may begin"
    )]
    Restarted {
        /// What this run is named.
        boot_id: String,
    },
    /// The server is shutting down.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// A fault of the server itself.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// The reason in the details of its status (`google.rpc.ErrorInfo`).
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID_FIELD",
            Self::UnknownEpisode { .. } => "UNKNOWN_EPISODE",
            Self::WrongServer { .. } => "WRONG_SERVER",
            Self::UnknownTask(_) => "UNKNOWN_TASK",
            Self::TaskChanged { .. } => "TASK_CHANGED",
            Self::EpisodeExists { .. } => "EPISODE_EXISTS",
            Self::StepConflict { .. } => "STEP_CONFLICT",
            Self::StepForgotten { .. } => "STEP_FORGOTTEN",
            Self::StepGap { .. } => "STEP_GAP",
            Self::Ended { .. } => "EPISODE_ENDED",
            Self::Restarted { .. } => "SERVER_RESTARTED",
            Self::Stopped => "STEP_STOPPED",
            Self::NoHost { .. } => "TOOL_HOST_GONE",
            Self::FamilyFault { .. } => "FAMILY_FAULT",
            Self::AnswerLeftOut => "ANSWER_LEFT_OUT",
            Self::Forbidden(_) => "OPERATOR_ONLY",
            Self::Full { .. } => "SERVER_FULL",
            Self::NoMemory(_) => "SERVER_MEMORY",
            Self::OverQuota { .. } => "OVER_QUOTA",
            Self::StorageFull => "STORAGE_FULL",
            Self::ShuttingDown => "SHUTTING_DOWN",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// Whether the call had no effect: it did not begin.
    pub fn is_refusal(&self) -> bool {
        !matches!(
            self,
            Self::Stopped
                | Self::AnswerLeftOut
                | Self::Internal(_)
                | Self::NoHost { .. }
                | Self::FamilyFault { .. }
        )
    }
}

impl From<NoMemory> for Error {
    fn from(error: NoMemory) -> Self {
        Self::NoMemory(error)
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Invalid(violation)
    }
}
