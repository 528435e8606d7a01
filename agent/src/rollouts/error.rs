//! Why rollouts can't be played.

use std::path::PathBuf;

use super::pipe::Lost;
use crate::{episode, run};

/// Why rollouts can't be played, or can't go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not exactly one agent.
    #[error("`agents` has {0} agents: rollouts are played by one")]
    Agents(usize),
    /// The agent has a model of its own.
    #[error("`agents[0].llm.backend` must be `inference`: the trainer is the model's server")]
    Backend,
    /// The servers, the tasks or the prompts can't be used.
    #[error(transparent)]
    Run(#[from] run::Error),
    /// The folder of the server's log can't be made.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The trainer names a task that was not offered.
    #[error("group {group} is of task {task}, but {offered} tasks are offered")]
    Task {
        /// The group.
        group: usize,
        /// The task.
        task: usize,
        /// The number of tasks.
        offered: usize,
    },
    /// An episode has no evaluation.
    #[error("the episode of {task} failed: {error}")]
    Episode {
        /// The task's id.
        task: String,
        /// What went wrong.
        error: episode::Error,
    },
    /// A trace lacks what a rollout needs.
    #[error("the episode of {task}: {problem}")]
    Trace {
        /// The task's id.
        task: String,
        /// What it lacks.
        problem: String,
    },
    /// The trainer can't be heard or understood.
    #[error(transparent)]
    Lost(#[from] Lost),
}
