//! Task files: one JSON object per task at `<root>/tasks/<family>/<task_id>.json`,
//! and the manifest beside them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::run::Evaluation;

/// The `schema_version` of task files.
pub const SCHEMA_VERSION: &str = "pythonformer.task.v1";

/// One task. `public`, `private`, `reference` and `difficulty` have the shape
/// that the family gives them; keys are written in alphabetical order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskFile {
    /// How an episode of it began, where a tool host has said so; absent from files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beginning: Option<Beginning>,
    /// Measures of how hard the task is.
    pub difficulty: Map<String, Value>,
    /// `knapsack`, `navigation` or `rule_diagnosis`, or a family that a tool host serves.
    pub family: String,
    /// Release date of the generator that made it (RFC 3339), not the time of day: the same config gives the same bytes.
    pub generated_at: String,
    /// The task in words.
    pub nl: NaturalLanguage,
    /// Hidden state; never sent to an agent.
    pub private: Map<String, Value>,
    /// What an agent may see.
    pub public: Map<String, Value>,
    /// The reference answer; never sent to an agent.
    pub reference: Map<String, Value>,
    /// Name of the task set it was generated for.
    pub run_name: String,
    /// [`SCHEMA_VERSION`].
    pub schema_version: String,
    /// The seed that the task was generated from.
    pub seed: u64,
    /// `<family>-<10 digit index>`.
    pub task_id: String,
    /// The declared tool contract; absent from files of the paper's own system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<ToolSpec>>,
}

/// How an episode of a hosted family began. What else the host has said of it is a part of its task file: the goal is
/// [`NaturalLanguage::instructions`], the contract [`TaskFile::tools`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    /// The first state.
    pub state: TaskState,
    /// The version of the family's code.
    pub version: String,
}

/// The state of an episode of a hosted family: what its tool host has answered last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskState {
    /// What is left of the task's own budgets, by name.
    pub budget_left: BTreeMap<String, i64>,
    /// How well the task is solved.
    pub evaluation: Evaluation,
    /// The hidden state, a JSON value as text.
    pub state_json: String,
}

/// The task in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NaturalLanguage {
    /// What to do.
    pub instructions: String,
    /// What the answer looks like.
    pub output_format: String,
    /// One line.
    pub title: String,
}

/// One function that the agent's code can call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolSpec {
    /// Name in the agent's namespace.
    pub name: String,
    /// One paragraph for a model to read.
    pub description: String,
    /// Parameters, in order; all required.
    pub parameters: Vec<ToolParameter>,
    /// Python type of the answer, e.g. `str` or `None`.
    pub returns: String,
}

/// One parameter of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolParameter {
    /// Keyword name.
    pub name: String,
    /// Python type: `str` or `int`; in hosted families also `float`, `bool`, `list` or `dict`.
    #[serde(rename = "type")]
    pub python_type: String,
}

/// `<root>/manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA_VERSION`].
    pub schema_version: String,
    /// Name of the task set.
    pub run_name: String,
    /// See [`TaskFile::generated_at`].
    pub created_at: String,
    /// The generator's config.
    pub settings: Value,
}
