//! What a generator draws.

use serde_json::{Map, Value};

/// What a generator draws for one task: the sections of its file that hold data.
pub struct Drawn {
    /// Measures of how hard the task is.
    pub difficulty: Map<String, Value>,
    /// What the agent may see.
    pub public: Map<String, Value>,
    /// The hidden state.
    pub private: Map<String, Value>,
    /// The reference answer.
    pub reference: Map<String, Value>,
    /// One line that names the task.
    pub title: &'static str,
    /// What the answer looks like.
    pub output_format: &'static str,
}
