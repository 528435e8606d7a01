//! Who plays, and where.

use std::sync::Arc;

use acting::prompts::Prompts;
use client::Environments;

use crate::config::AgentConfig;
use crate::model::Model;
use crate::recorder::Watcher;

/// An agent and the environment servers that it plays on.
#[derive(Clone, Debug)]
pub struct Player {
    /// The agent's config.
    pub agent: AgentConfig,
    /// The agent's model.
    pub model: Arc<dyn Model>,
    /// What the model is told.
    pub prompts: Arc<Prompts>,
    /// Environment servers with the same tasks. An episode is played on one of them.
    pub environments: Environments,
    /// Who is told of every event, if someone is.
    pub watcher: Option<Arc<dyn Watcher>>,
}
