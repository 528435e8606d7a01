//! What a host offers, checked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proto::task::{NaturalLanguage, SCHEMA_VERSION, TaskFile, ToolSpec};
use serde_json::{Map, Value};

use super::call::MAX_TEXT_BYTES;
use super::contract::{CALL_TIMEOUT, Contract};
use crate::error::Violation;
use crate::family::{FAMILIES, FINISH, finish_spec};
use crate::tool::TYPES;

/// The most families of a host, and tools of a family.
const MOST: usize = 100;
/// The most bytes of a name.
const NAME_BYTES: usize = 64;
/// The most bytes of a task's id.
const ID_BYTES: usize = 128;
/// The most calls that a host may take at a time.
const MOST_PLACES: usize = 1024;
/// The longest time that a call may take.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// What a host offers, not yet checked.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// The families.
    pub families: Vec<OfferedFamily>,
    /// Calls that the host takes at a time; 0 stands for one.
    pub calls_at_a_time: usize,
}

/// A family, not yet checked.
#[derive(Clone, Debug, Default)]
pub struct OfferedFamily {
    /// Its name.
    pub name: String,
    /// The version of its code.
    pub version: String,
    /// Its tools, without `finish`.
    pub tools: Vec<ToolSpec>,
    /// How long a call may take; `None` takes the default.
    pub call_timeout: Option<Duration>,
    /// Its tasks.
    pub tasks: Vec<OfferedTask>,
}

/// A task, not yet checked.
#[derive(Clone, Debug, Default)]
pub struct OfferedTask {
    /// Its id.
    pub task_id: String,
    /// What an agent may see, a JSON object as text.
    pub public_json: String,
    /// What only the host sees, a JSON object as text.
    pub private_json: String,
}

/// A family that a host serves. Its tasks are a set of its name.
#[derive(Debug)]
pub struct Family {
    /// What its episodes rely on.
    pub(super) contract: Arc<Contract>,
    /// Its tasks, in the order of their ids.
    pub tasks: Vec<TaskFile>,
}

impl Family {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.contract.family
    }

    /// The task of this id.
    pub fn task(&self, task_id: &str) -> Option<&TaskFile> {
        let found = self.tasks.binary_search_by(|task| task.task_id.as_str().cmp(task_id)).ok()?;
        self.tasks.get(found)
    }
}

impl Offer {
    /// The calls that the host takes at a time.
    ///
    /// # Errors
    /// They are too many.
    pub fn places(&self) -> Result<usize, Violation> {
        if self.calls_at_a_time > MOST_PLACES {
            let rule = format!("must be at most {MOST_PLACES}");
            return Err(Violation::new("offer.calls_at_a_time", rule));
        }
        Ok(self.calls_at_a_time.max(1))
    }

    /// The families. None of them may have a name that is `taken`.
    ///
    /// # Errors
    /// A violation for the first field that is wrong.
    pub fn check(self, taken: &[&str]) -> Result<Vec<Family>, Violation> {
        if self.families.is_empty() || self.families.len() > MOST {
            return Err(Violation::new("offer.families", format!("must be 1 to {MOST}")));
        }
        let mut names = BTreeSet::new();
        let mut families = Vec::with_capacity(self.families.len());
        for (index, family) in self.families.into_iter().enumerate() {
            let field = format!("offer.families[{index}]");
            if !names.insert(family.name.clone()) {
                return Err(Violation::new(format!("{field}.name"), "is there twice"));
            }
            families.push(family.check(&field, taken)?);
        }
        Ok(families)
    }
}

impl OfferedFamily {
    fn check(self, field: &str, taken: &[&str]) -> Result<Family, Violation> {
        let at = |part: &str, rule: String| Err(Violation::new(format!("{field}.{part}"), rule));
        let name = &self.name;
        if !is_family_name(name) {
            return at("name", format!("must be [a-z][a-z0-9_]*, up to {NAME_BYTES} characters"));
        }
        if FAMILIES.contains(&name.as_str()) || taken.contains(&name.as_str()) {
            return at("name", format!("`{name}` is a family or a task set of the server's own"));
        }
        if self.version.len() > MAX_TEXT_BYTES {
            return at("version", format!("is longer than {MAX_TEXT_BYTES} bytes"));
        }
        let call_timeout = self.call_timeout.unwrap_or(CALL_TIMEOUT);
        if call_timeout.is_zero() || call_timeout > LONGEST_TIMEOUT {
            return at(
                "call_timeout",
                format!("must be above 0 and at most {} s", LONGEST_TIMEOUT.as_secs()),
            );
        }
        check_tools(&self.tools, &format!("{field}.tools"))?;
        let tools = self.tools.into_iter().chain([finish_spec()]).collect();
        let mut contract = Contract::new(name, &self.version, tools);
        contract.call_timeout = call_timeout;
        let mut tasks = Vec::with_capacity(self.tasks.len());
        for (index, task) in self.tasks.into_iter().enumerate() {
            tasks.push(task.check(name, &format!("{field}.tasks[{index}]"))?);
        }
        tasks.sort_by(|one: &TaskFile, other| one.task_id.cmp(&other.task_id));
        if let Some([twice, _]) = tasks.windows(2).find(|pair| pair[0].task_id == pair[1].task_id) {
            return at("tasks", format!("hold the task `{}` twice", twice.task_id));
        }
        Ok(Family { contract: Arc::new(contract), tasks })
    }
}

impl OfferedTask {
    fn check(self, family: &str, field: &str) -> Result<TaskFile, Violation> {
        let at = |part: &str, rule: &str| Violation::new(format!("{field}.{part}"), rule);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let Self { task_id, public_json, private_json } = self;
        if task_id.is_empty() || task_id.len() > ID_BYTES || !task_id.bytes().all(allowed) {
            return Err(at("task_id", "must be 1 to 128 of [A-Za-z0-9._-]"));
        }
        let object = |part: &str, text: &str| match text {
            "" => Ok(Map::new()),
            _ if text.len() > MAX_TEXT_BYTES => Err(at(part, "is longer than 1 MiB")),
            _ => serde_json::from_str(text).map_err(|_| at(part, "must be a JSON object")),
        };
        Ok(TaskFile {
            beginning: None,
            difficulty: Map::new(),
            family: family.to_owned(),
            generated_at: String::new(),
            nl: NaturalLanguage {
                instructions: String::new(),
                output_format: String::new(),
                title: String::new(),
            },
            private: object("private_json", &private_json)?,
            public: object("public_json", &public_json)?,
            reference: Map::<String, Value>::new(),
            run_name: family.to_owned(),
            schema_version: SCHEMA_VERSION.to_owned(),
            seed: 0,
            task_id,
            tools: None,
        })
    }
}

fn check_tools(tools: &[ToolSpec], field: &str) -> Result<(), Violation> {
    if tools.len() > MOST {
        return Err(Violation::new(field, format!("must be at most {MOST}")));
    }
    let mut names = BTreeSet::from([FINISH]);
    for (index, tool) in tools.iter().enumerate() {
        let at = |part: String, rule: String| Err(Violation::new(format!("{field}[{index}].{part}"), rule));
        if !is_python_name(&tool.name) {
            return at("name".to_owned(), "must be a Python identifier in ASCII, and no keyword".to_owned());
        }
        if !names.insert(&tool.name) {
            return at("name".to_owned(), format!("`{}` is there twice, or is `finish`", tool.name));
        }
        let mut parameters = BTreeSet::new();
        for (index, parameter) in tool.parameters.iter().enumerate() {
            let at = |part: &str, rule: String| at(format!("parameters[{index}].{part}"), rule);
            if !is_python_name(&parameter.name) || !parameters.insert(&parameter.name) {
                return at("name", "must be a Python identifier in ASCII, each once".to_owned());
            }
            if !TYPES.contains(&parameter.python_type.as_str()) {
                return at("type", format!("must be one of {}", TYPES.join(", ")));
            }
        }
    }
    Ok(())
}

fn is_family_name(name: &str) -> bool {
    let of = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= NAME_BYTES
        && name.bytes().all(of)
}

fn is_python_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.len() <= NAME_BYTES
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !KEYWORDS.contains(&name)
}

/// Python's keywords.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];
