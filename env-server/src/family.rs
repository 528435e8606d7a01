//! Task families: the hidden state of one episode, the tools that act on it, and
//! how well it was solved.
//!
//! | module           | task                                                       |
//! |------------------|------------------------------------------------------------|
//! | [`knapsack`]     | pack a knapsack whose items must be inspected at a cost    |
//! | [`navigation`]   | walk an unknown graph to a goal                            |
//! | [`rule_diagnosis`] | find a hidden integer rule by probing it                 |
//!
//! A family knows nothing of interpreters, steps, limits or the network.

mod config;
pub mod knapsack;
pub mod navigation;
mod python_json;
pub(crate) mod python_text;
mod range;
pub mod rule_diagnosis;
mod stream;
mod task_file;

use std::collections::BTreeMap;

use proto::run::Evaluation;
use proto::task::{SCHEMA_VERSION, TaskFile, ToolParameter, ToolSpec};
use sandbox::{ToolCall, ToolError};
use serde_json::{Map, Value};

use crate::tool::{self, Bound};
use fields::{Collector, Place, Problems};

pub use config::FamilyConfig;
pub use range::Range;
pub use task_file::parse;

/// Every family, sorted.
pub const FAMILIES: [&str; 3] = [knapsack::NAME, navigation::NAME, rule_diagnosis::NAME];

/// The tool of every family that ends the episode. Whoever runs the episode acts
/// on it; the environment itself only accepts the call.
pub const FINISH: &str = "finish";

/// One episode's hidden state.
pub trait Environment: Send + Sync {
    /// The functions that the agent's code can call, [`FINISH`] among them.
    fn tools(&self) -> &[ToolSpec];

    /// The task in words, for a model to read. Says nothing of the interpreter, and
    /// nothing of the tools, which describe themselves.
    fn goal(&self) -> String;

    /// What the agent may see of the task.
    fn public(&self) -> &Map<String, Value>;

    /// Runs one of [`Environment::tools`] on arguments that are bound to its
    /// parameters.
    ///
    /// # Errors
    /// [`ToolError`], for the agent to see; the call then changed nothing.
    fn call(&mut self, tool: &str, arguments: &[Bound]) -> Result<Value, ToolError>;

    /// How well the task is solved as things stand.
    fn evaluate(&self) -> Evaluation;

    /// What is left of the task's own budgets, by name.
    fn budget_left(&self) -> BTreeMap<String, i64>;

    /// A copy that goes its own way from here.
    fn fork(&self) -> Box<dyn Environment>;

    /// Binds a call's arguments and runs it.
    ///
    /// # Errors
    /// [`ToolError`], for the agent to see; the call then changed nothing.
    fn invoke(&mut self, call: &ToolCall) -> Result<Value, ToolError> {
        let Some(spec) = self.tools().iter().find(|spec| spec.name == call.name) else {
            return Err(tool::unknown_tool(&call.name));
        };
        let arguments = tool::bind(spec, call)?;
        self.call(&call.name, &arguments)
    }
}

/// A task that cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What is wrong with the task file, by key.
    #[error(transparent)]
    Malformed(#[from] Problems),
}

/// Begins an episode of a task.
///
/// # Errors
/// [`Error::Malformed`], naming every key that is wrong.
pub fn open(task: &TaskFile) -> Result<Box<dyn Environment>, Error> {
    let collector = Collector::default();
    let root = collector.root();
    if task.schema_version != SCHEMA_VERSION {
        let rule = format!("unsupported version {:?}; supported: {SCHEMA_VERSION}", task.schema_version);
        root.key("schema_version").fail::<()>(rule);
    }
    let opened = open_family(task, &root);
    if let (Some(environment), Some(declared)) = (&opened, &task.tools) {
        check_contract(environment.tools(), declared, &root.key("tools"));
    }
    Ok(collector.finish(opened)?)
}

fn open_family(task: &TaskFile, root: &Place<'_>) -> Option<Box<dyn Environment>> {
    fn boxed<E: Environment + 'static>(environment: E) -> Box<dyn Environment> {
        Box::new(environment)
    }
    match task.family.as_str() {
        knapsack::NAME => knapsack::Knapsack::open(task, root).map(boxed),
        navigation::NAME => navigation::Navigation::open(task, root).map(boxed),
        rule_diagnosis::NAME => rule_diagnosis::RuleDiagnosis::open(task, root).map(boxed),
        other => root.key("family").fail(format!("unknown family {other:?}; known: {}", FAMILIES.join(", "))),
    }
}

/// A task file may declare fewer tools than the family has (it need not mention
/// `finish`, say) and describe them in its own words, but what it declares must
/// be so.
fn check_contract(actual: &[ToolSpec], declared: &[ToolSpec], place: &Place<'_>) {
    for (i, tool) in declared.iter().enumerate() {
        let place = place.index(i);
        match actual.iter().find(|spec| spec.name == tool.name) {
            None => {
                place.fail::<()>(format!("the family has no tool {:?}", tool.name));
            }
            Some(spec) if spec.parameters != tool.parameters || spec.returns != tool.returns => {
                place.fail::<()>(format!("contradicts the family's contract, {}", signature(spec)));
            }
            Some(_) => {}
        }
    }
}

/// A tool as a Python signature, e.g. `inspect(item_id: str) -> str`.
fn signature(spec: &ToolSpec) -> String {
    let parameters: Vec<String> = spec
        .parameters
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, parameter.python_type))
        .collect();
    format!("{}({}) -> {}", spec.name, parameters.join(", "), spec.returns)
}

/// A tool's declaration.
fn tool_spec(name: &str, parameters: &[(&str, &str)], returns: &str, description: &str) -> ToolSpec {
    let parameter = |&(name, python_type): &(&str, &str)| ToolParameter {
        name: name.to_owned(),
        python_type: python_type.to_owned(),
    };
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters: parameters.iter().map(parameter).collect(),
        returns: returns.to_owned(),
    }
}

/// The declaration of [`FINISH`].
fn finish_spec() -> ToolSpec {
    tool_spec(
        FINISH,
        &[],
        "None",
        "Ends the episode. What has been done until then is evaluated and nothing more can be done.",
    )
}

/// A JSON object from its entries.
fn object<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
