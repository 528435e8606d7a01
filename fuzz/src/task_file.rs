//! Task files: loaded as a server loads them, opened, and played by direct tool calls.
//!
//! A task file may have keys that no reader knows. Here one of them, `calls`, says what the tools are called with: an array of
//! `{"name", "args", "kwargs"}`.

use std::fs;

use env_server::catalog::TaskSummary;
use env_server::family::{self, Environment};
use env_server::task_set::TaskSet;
use proto::task::TaskFile;
use sandbox::{Argument, ToolCall};
use serde_json::{Map, Value};

use crate::{memory, scratch};

/// The most calls of an input.
const MAX_CALLS: usize = 32;
/// What is called with each of the task's own words.
const WORDS: usize = 8;

/// Runs an input.
pub fn run(data: &[u8]) {
    scratch::folder();
    memory::bounded(data, || {
        let document = serde_json::from_slice::<Value>(data).ok();
        let calls = document.as_ref().map(calls).unwrap_or_default();
        // As a file of a set.
        let loaded = load(data, document.as_ref());
        // As a task that a request carries.
        let inline = document.as_ref().and_then(|document| family::parse(document).ok());
        for task in loaded.iter().chain(&inline) {
            if let Ok(environment) = family::open(task) {
                play(task, environment, &calls);
            }
        }
    });
}

/// The task of a set that holds this file alone, if it is one.
fn load(data: &[u8], document: Option<&Value>) -> Option<TaskFile> {
    let text = |key, default| document.and_then(|document| document.get(key)?.as_str()).unwrap_or(default);
    let (family, task_id) = (text("family", "knapsack"), text("task_id", "nameless"));
    // Others are no names of files.
    let is_name =
        |text: &str| !["", ".", ".."].contains(&text) && text.len() <= 200 && !text.contains(['/', '\0']);
    if !is_name(family) || !is_name(task_id) {
        return None;
    }
    let root = scratch::folder().join("set");
    let folder = root.join("tasks").join(family);
    fs::create_dir_all(&folder).expect("a folder for the file");
    fs::write(folder.join(format!("{task_id}.json")), data).expect("the file");
    let set = TaskSet::load(&root);
    let task = match &set {
        Ok(set) => {
            assert_eq!(set.len(), 1);
            let listed = set.page(None, 0, 2);
            let read = set.read(listed[0].task_id).expect("what is listed is there");
            Some(read.expect("what was loaded can be read again"))
        }
        Err(refused) => {
            assert!(!refused.to_string().is_empty());
            None
        }
    };
    fs::remove_dir_all(&folder).expect("the folder is ours");
    task
}

/// Asks a task all that a server asks it, before and after each call of a tool.
fn play(task: &TaskFile, mut environment: Box<dyn Environment>, calls: &[ToolCall]) {
    assert!(!environment.goal().is_empty());
    let summary = TaskSummary::of("set", task);
    assert_eq!(summary.public_sha256.len(), 64);
    // What an operator is shown.
    serde_json::to_string(task).expect("a task can be written");
    let own = own_calls(environment.as_ref());
    let finish = ToolCall { name: family::FINISH.to_owned(), args: Vec::new(), kwargs: Vec::new() };
    for call in own.iter().chain(calls).chain([&finish]) {
        let before = environment.fork();
        let answer = environment.invoke(call);
        if answer.is_err() {
            assert_eq!(environment.evaluate(), before.evaluate(), "a call that fails changes nothing");
        }
        check(environment.as_ref());
    }
}

fn check(environment: &dyn Environment) {
    let evaluation = environment.evaluate();
    assert!((0.0..=1.0).contains(&evaluation.score), "a score of {}", evaluation.score);
    for name in environment.reference_metrics() {
        assert!(evaluation.metrics.contains_key(*name), "the metric {name} is hidden, and not there");
    }
    for (name, left) in environment.budget_left() {
        assert!(left >= 0, "{left} of {name} are left");
    }
}

/// Each tool called with the first words of the task's public data, and without arguments.
fn own_calls(environment: &dyn Environment) -> Vec<ToolCall> {
    let mut words = Vec::new();
    for value in environment.public().values() {
        words_of(value, &mut words);
    }
    let mut calls = Vec::new();
    for tool in environment.tools().iter().filter(|tool| tool.name != family::FINISH) {
        let call = |args| ToolCall { name: tool.name.clone(), args, kwargs: Vec::new() };
        calls.push(call(Vec::new()));
        if !tool.parameters.is_empty() {
            calls.extend(words.iter().map(|word| call(vec![Argument::from((*word).clone())])));
        }
    }
    calls
}

/// The first texts and numbers in a value.
fn words_of<'v>(value: &'v Value, words: &mut Vec<&'v Value>) {
    match value {
        _ if words.len() == WORDS => {}
        Value::Array(elements) => elements.iter().take(WORDS).for_each(|element| words_of(element, words)),
        Value::Object(map) => map.values().take(WORDS).for_each(|value| words_of(value, words)),
        word => words.push(word),
    }
}

/// The calls that a document asks for.
fn calls(document: &Value) -> Vec<ToolCall> {
    let calls = document.get("calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    calls.iter().take(MAX_CALLS).filter_map(call).collect()
}

fn call(value: &Value) -> Option<ToolCall> {
    let value = value.as_object()?;
    let args = value.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
    let kwargs: Map<String, Value> =
        value.get("kwargs").and_then(Value::as_object).cloned().unwrap_or_default();
    Some(ToolCall {
        name: value.get("name")?.as_str()?.to_owned(),
        args: args.into_iter().map(argument).collect(),
        kwargs: kwargs.into_iter().map(|(name, value)| (name, argument(value))).collect(),
    })
}

/// An argument. `{"type": T}` stands for a value of that Python type which JSON can't represent.
fn argument(value: Value) -> Argument {
    match value.get("type").and_then(Value::as_str) {
        Some(python_type) => Argument { python_type: python_type.to_owned(), value: None },
        None => Argument::from(value),
    }
}
