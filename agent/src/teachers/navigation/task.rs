//! A navigation task as its public data describes it.

use crate::teachers::conversation::Conversation;

/// The family's name.
pub const FAMILY: &str = "navigation";

/// A key that only this family's public data has.
pub const KEY: &str = "goal_node";

/// A navigation task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Where the walk begins.
    pub start: String,
    /// Where it should end.
    pub goal: String,
    /// The most moves.
    pub max_moves: usize,
    /// Tool calls allowed in a step.
    pub calls: usize,
}

impl Task {
    /// Finds the task in a conversation.
    ///
    /// # Errors
    /// Which key is missing or malformed.
    pub fn read(conversation: &Conversation) -> Result<Self, String> {
        Ok(Self {
            start: conversation.text("start_node")?,
            goal: conversation.text(KEY)?,
            max_moves: conversation.number("max_steps")? as usize,
            calls: conversation.calls_per_step,
        })
    }
}
