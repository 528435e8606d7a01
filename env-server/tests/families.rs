//! Task families against recorded behaviour: every transcript is replayed, every recorded task is opened, and malformed
//! tasks give the right errors.

#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use env_server::family;
use sandbox::{Argument, ToolCall, ToolErrorKind};
use serde_json::{Value, json};

fn fixtures(folder: &str) -> BTreeMap<String, Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(folder);
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
        })
        .collect()
}

fn tasks() -> BTreeMap<String, Value> {
    let mut tasks = fixtures("tasks");
    tasks.retain(|name, _| !name.starts_with("config_"));
    tasks
}

fn open(task: &Value) -> Result<Box<dyn family::Environment>, family::Error> {
    family::open(&family::parse(task)?)
}

fn positional(name: &str, args: &Value) -> ToolCall {
    let args = args.as_array().unwrap().iter().cloned().map(Argument::from).collect();
    ToolCall { name: name.to_owned(), args, kwargs: vec![] }
}

/// The recorded form of a call's outcome.
fn outcome(environment: &mut dyn family::Environment, tool: &str, args: &Value) -> Value {
    match environment.invoke(&positional(tool, args)) {
        Ok(result) => json!({"args": args, "ok": true, "result": result, "tool": tool}),
        Err(error) => {
            let error_type = error.kind.exception();
            json!({"args": args, "error": error.to_string(), "error_type": error_type, "ok": false, "tool": tool})
        }
    }
}

#[test]
fn transcripts_replay_exactly() {
    let transcripts = fixtures("tool_transcripts");
    assert_eq!(transcripts.len(), 36);
    for (name, transcript) in transcripts {
        let mut environment = open(&transcript["task"]).unwrap();
        for (i, call) in transcript["calls"].as_array().unwrap().iter().enumerate() {
            let tool = call["tool"].as_str().unwrap();
            assert_eq!(&outcome(environment.as_mut(), tool, &call["args"]), call, "{name}, call {i}");
        }
        assert_eq!(json!(environment.evaluate()), transcript["result"], "{name}");
    }
}

/// A fork is independent: replaying half, forking and replaying the rest in both gives the recorded result twice.
#[test]
fn forks_are_independent() {
    for (name, transcript) in fixtures("tool_transcripts") {
        let mut environment = open(&transcript["task"]).unwrap();
        let calls = transcript["calls"].as_array().unwrap();
        let (before, after) = calls.split_at(calls.len() / 2);
        let replay = |environment: &mut dyn family::Environment, calls: &[Value]| {
            for call in calls {
                outcome(environment, call["tool"].as_str().unwrap(), &call["args"]);
            }
        };
        replay(environment.as_mut(), before);
        let mut fork = environment.fork();
        let at_fork = environment.evaluate();
        replay(fork.as_mut(), after);
        assert_eq!(environment.evaluate(), at_fork, "{name}");
        replay(environment.as_mut(), after);
        for evaluation in [environment.evaluate(), fork.evaluate()] {
            assert_eq!(json!(evaluation), transcript["result"], "{name}");
        }
    }
}

#[test]
fn recorded_tasks_open_and_say_what_to_do() {
    let tasks = tasks();
    assert_eq!(tasks.len(), 18);
    for (name, task) in tasks {
        let environment = open(&task).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(json!(environment.public()), task["public"], "{name}");
        let goal = environment.goal();
        assert!(goal.contains("call finish()"), "{name}: {goal}");
        let last = environment.tools().last().unwrap();
        assert_eq!((last.name.as_str(), last.returns.as_str()), (family::FINISH, "None"));
        // A task does not mention the interpreter's regime.
        for word in ["persist", "reset", "variable", "interpreter", "state"] {
            assert!(!goal.contains(word), "{name}: {word}");
        }
    }
}

#[test]
fn the_knapsack_goal_has_the_numbers() {
    let goal = open(&tasks()["easy-knapsack-0000000098"]).unwrap().goal();
    for text in ["pool of 32 items", "must not exceed 32", "['E', 'I', 'H']", "at most 20 different"] {
        assert!(goal.contains(text), "{text}:\n{goal}");
    }
}

#[test]
fn budgets_run_down_and_then_refuse() {
    for (name, tool, budget, args) in [
        ("easy-rule_diagnosis-0000000099", "test_input", "probes", json!([1])),
        ("easy-navigation-0000000098", "move", "moves", Value::Null),
        ("easy-knapsack-0000000098", "inspect", "inspect", Value::Null),
    ] {
        let task = tasks()[name].clone();
        let mut environment = open(&task).unwrap();
        let total = environment.budget_left()[budget];
        let mut refusal = None;
        for spent in 0..=total {
            assert_eq!(environment.budget_left()[budget], total - spent, "{name}");
            let args = match tool {
                "inspect" => json!([task["public"]["item_ids"][spent as usize]]),
                "move" => {
                    let near = environment.invoke(&positional("scan", &json!([]))).unwrap();
                    json!([near.as_str().unwrap().split(',').next()])
                }
                _ => args.clone(),
            };
            refusal = environment.invoke(&positional(tool, &args)).err();
            assert_eq!(refusal.is_some(), spent == total, "{name}: {refusal:?}");
        }
        let wanted = match tool {
            "inspect" => format!("Inspect budget ({total}) exceeded."),
            "move" => format!("Max steps ({total}) exceeded."),
            _ => format!("Probe budget ({total}) exceeded."),
        };
        assert_eq!(refusal.unwrap().to_string(), format!("ToolRuntimeException: {wanted}"));
        assert_eq!(environment.budget_left()[budget], 0);
    }
}

#[test]
fn an_unknown_tool_is_a_failed_invocation() {
    let mut environment = open(&tasks()["easy-knapsack-0000000098"]).unwrap();
    let error = environment.invoke(&positional("drop_item", &json!([]))).unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Invocation);
    assert_eq!(error.to_string(), "ToolInvocationException:\nUnknown tool drop_item");
    assert_eq!(environment.invoke(&positional("finish", &json!([]))), Ok(Value::Null));
}

#[test]
fn submissions_are_right_only_if_all_of_it_is() {
    // a 6, b -20
    let linear = open(&tasks()["easy-rule_diagnosis-0000000098"]).unwrap();
    // a 3, b 8, m 19
    let affine = open(&tasks()["medium-rule_diagnosis-0000000057"]).unwrap();
    for (environment, params, right) in [
        (&linear, r#"{"a": 6, "b": -20}"#, true),
        (&linear, r#"{"b": -20.0, "a": 6.0, "family": "linear_int"}"#, true),
        (&linear, r#"{"a": 6, "b": -20, "m": 5}"#, false),
        (&linear, r#"{"a": 6, "b": -20, "family": "affine_mod"}"#, false),
        (&linear, r#"{"a": 6}"#, false),
        (&linear, r#"{"a": "6", "b": -20}"#, false),
        (&linear, r#"{"a": 6.5, "b": -20}"#, false),
        (&linear, "[6, -20]", false),
        (&linear, "6", false),
        (&linear, "null", false),
        (&affine, r#"{"a": 3, "b": 8, "m": 19}"#, true),
        (&affine, r#"{"a": 3, "b": 8}"#, false),
        (&affine, r#"{"a": 22, "b": 8, "m": 19}"#, false),
    ] {
        let mut environment = environment.fork();
        let answer = environment.invoke(&positional("submit", &json!([params])));
        assert_eq!(answer, Ok(json!(right)), "{params}");
        assert_eq!(environment.evaluate().is_solved, right, "{params}");
        // The last submission counts, and text that is not JSON is not a submission.
        assert!(environment.invoke(&positional("submit", &json!(["{"]))).is_err());
        assert_eq!(environment.evaluate().is_solved, right, "{params}");
        environment.invoke(&positional("submit", &json!(["{}"]))).unwrap();
        assert!(!environment.evaluate().is_solved, "{params}");
    }
}

/// Sets (or, with `None`, removes) one value of a task.
fn changed(mut task: Value, path: &[&str], value: Option<Value>) -> Value {
    let (last, parents) = path.split_last().unwrap();
    let parent = parents.iter().fold(&mut task, |value, key| &mut value[*key]).as_object_mut().unwrap();
    match value {
        Some(value) => parent.insert((*last).to_owned(), value),
        None => parent.shift_remove(*last),
    };
    task
}

#[test]
fn malformed_tasks_are_refused_by_key() {
    let knapsack = tasks()["easy-knapsack-0000000098"].clone();
    let navigation = tasks()["easy-navigation-0000000098"].clone();
    let rule = tasks()["medium-rule_diagnosis-0000000057"].clone();
    let item = "item_0905e14b5682";
    let contradiction = json!([{"name": "inspect", "description": "", "parameters": [], "returns": "str"}]);
    let unknown_tool = json!([{"name": "peek", "description": "", "parameters": [], "returns": "str"}]);
    for (task, path, value, message) in [
        (&knapsack, &["seed"][..], None, "seed: missing"),
        (&knapsack, &["seed"], Some(json!(-1)), "seed: must not be negative"),
        (&knapsack, &["nl", "title"], None, "nl.title: missing"),
        (&knapsack, &["private"], Some(json!([])), "private: expected an object, found an array"),
        (&knapsack, &["family"], Some(json!("chess")), "family: unknown family \"chess\"; known: knapsack,"),
        (&knapsack, &["schema_version"], Some(json!("v9")), "schema_version: unsupported version \"v9\""),
        (&knapsack, &["private", "items"], None, "private.items: missing"),
        (
            &knapsack,
            &["private", "items", item, "weight"],
            Some(json!("7")),
            "private.items.item_0905e14b5682.weight: expected an integer, found a string",
        ),
        (
            &knapsack,
            &["private", "items", item, "value"],
            Some(json!(1.5)),
            "private.items.item_0905e14b5682.value: expected an integer, found a fractional number",
        ),
        (
            &knapsack,
            &["private", "items", item, "class"],
            None,
            "private.items.item_0905e14b5682.class: missing",
        ),
        (&knapsack, &["private", "items", item], None, "item_0905e14b5682 is not in private.items"),
        (&knapsack, &["public", "item_ids"], Some(json!([item])), "is not in public.item_ids"),
        (&knapsack, &["public", "capacity"], Some(json!(-3)), "public.capacity: must not be negative"),
        (
            &knapsack,
            &["public", "allowed_classes"],
            Some(json!([1])),
            "public.allowed_classes[0]: expected a",
        ),
        (
            &knapsack,
            &["reference", "optimal_value"],
            Some(json!(0)),
            "reference.optimal_value: must be positive",
        ),
        (
            &knapsack,
            &["reference", "optimal_item_ids"],
            Some(json!(["item_x"])),
            "reference.optimal_item_ids[0]: item_x is not in private.items",
        ),
        (
            &knapsack,
            &["tools"],
            Some(contradiction),
            "tools[0]: contradicts the family's contract, inspect(item_id: str) -> str",
        ),
        (&knapsack, &["tools"], Some(unknown_tool), "tools[0]: the family has no tool \"peek\""),
        (
            &knapsack,
            &["tools"],
            Some(json!([{"nome": "x"}])),
            "tools[0].nome: unknown key; did you mean name?",
        ),
        (
            &navigation,
            &["public", "start_node"],
            Some(json!("node_x")),
            "public.start_node: node_x is not in",
        ),
        (
            &navigation,
            &["private", "adjacency", "node_b6260edae37f"],
            Some(json!(["node_x"])),
            "private.adjacency.node_b6260edae37f: its neighbour node_x is not in private.adjacency",
        ),
        (
            &navigation,
            &["reference", "shortest_path_length"],
            None,
            "reference.shortest_path_length: missing",
        ),
        (&rule, &["private", "params", "m"], None, "private.params.m: missing"),
        (&rule, &["private", "params", "m"], Some(json!(0)), "private.params.m: must be positive"),
        (
            &rule,
            &["private", "params", "family"],
            Some(json!("cubic")),
            "private.params.family: unknown rule family \"cubic\"; known: linear_int, affine_mod",
        ),
        (&rule, &["public", "probe_budget"], Some(json!("12")), "public.probe_budget: expected an integer"),
    ] {
        let error = match open(&changed(task.clone(), path, value)) {
            Ok(_) => panic!("opened: {message}"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(message), "wanted {message}\ngot    {error}");
    }
    assert!(family::parse(&json!([])).unwrap_err().to_string().contains("expected an object"));
}

/// All problems at once, not the first.
#[test]
fn every_problem_is_named() {
    let task = tasks()["easy-knapsack-0000000098"].clone();
    let task = changed(task, &["public", "capacity"], None);
    let task = changed(task, &["public", "inspect_budget"], Some(json!(null)));
    let error = open(&task).err().unwrap().to_string();
    assert_eq!(error, "public.capacity: missing\npublic.inspect_budget: expected an integer, found null");
}
