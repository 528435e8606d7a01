//! Task families: the hidden state of one episode, the tools that act on it, and
//! how well it was solved.
//!
//! | module             | task                                                    |
//! |--------------------|---------------------------------------------------------|
//! | [`knapsack`]       | pack a knapsack whose items must be inspected at a cost |
//! | [`navigation`]     | walk an unknown graph to a goal                         |
//! | [`rule_diagnosis`] | find a hidden integer rule by probing it                |
//!
//! [`Environment`] is what each of them implements.
//!
//! A family knows nothing of interpreters, steps, limits or the network.

mod config;
mod drawn;
mod environment;
mod error;
pub mod knapsack;
pub mod navigation;
mod object;
mod python_json;
pub(crate) mod python_text;
mod range;
pub mod rule_diagnosis;
mod stream;
mod task_file;
mod tool_contract;

use fields::{Collector, Place};
use proto::task::{SCHEMA_VERSION, TaskFile};

pub use config::FamilyConfig;
pub use environment::{Environment, FINISH};
pub use error::Error;
pub use range::Range;
pub use task_file::parse;
pub(crate) use tool_contract::finish_spec;

/// Every family, sorted.
pub const FAMILIES: [&str; 3] = [knapsack::NAME, navigation::NAME, rule_diagnosis::NAME];

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
        tool_contract::check(environment.tools(), declared, &root.key("tools"));
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
