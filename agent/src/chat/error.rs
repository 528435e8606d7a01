//! Why no episode can be played.

use std::path::PathBuf;

use crate::{model, run};

/// Why no episode can be played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// As in a run.
    #[error(transparent)]
    Run(Box<run::Error>),
    /// The agent's model can't be used.
    #[error("`llm`: {0}")]
    Model(model::Error),
    /// The config has no agent of this name.
    #[error("--agent: the config has no agent `{name}`; it has: {names}")]
    NoSuchAgent {
        /// The name.
        name: String,
        /// The agents that there are.
        names: String,
    },
    /// The config has several agents, and none is named.
    #[error("the config has several agents ({names}): name one with --agent")]
    WhichAgent {
        /// The agents that there are.
        names: String,
    },
    /// The task set has no such family.
    #[error("--family: the task set `{set}` has no task of the family `{family}`")]
    NoSuchFamily {
        /// The set.
        set: String,
        /// The family.
        family: String,
    },
    /// The task set has no such task.
    #[error("--task: the task set `{set}` has no task `{task}`; its tasks have ids such as `{such_as}`")]
    NoSuchTask {
        /// The set.
        set: String,
        /// The task.
        task: String,
        /// A task that there is.
        such_as: String,
    },
    /// The folder holds an episode of the same agent and task.
    #[error("--out: {} is there already: choose another folder or another task", path.display())]
    Played {
        /// The episode's result.
        path: PathBuf,
    },
}

/// The error of a part that runs have, too.
pub fn from_run(error: run::Error) -> Error {
    Error::Run(Box::new(error))
}
