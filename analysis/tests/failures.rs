//! `failures` on hand-made traces, one for each metric, and on the recorded runs.
#![allow(clippy::unwrap_used, reason = "clippy exempts tests, but not their helpers")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{analysis, recorded, result, trace, write_episode};

/// A step that ran code; `error` is the text the model saw.
fn step(tokens: u64, error: Option<&str>, info: Value) -> Value {
    json!({
        "code": "...",
        "interpreter_result": {"success": error.is_none(), "output": "", "error": error},
        "token_usage": {"total_tokens": tokens},
        "info": info,
    })
}

/// The summary, as JSON, of the only condition of a run with these traces.
fn summary_of(traces: &[Value]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    for (index, trace) in (0..).zip(traces) {
        write_episode(folder.path(), "a", index, &result(false, 0.5), trace);
    }
    let mut summaries = summaries(&[folder.path()]);
    assert_eq!(summaries.len(), 1);
    summaries.remove(0)
}

fn summaries(folders: &[&Path]) -> Vec<Value> {
    let mut arguments = vec!["failures", "--format", "json"];
    arguments.extend(folders.iter().map(|folder| folder.to_str().unwrap()));
    serde_json::from_str(&analysis(&arguments).succeeded().stdout).unwrap()
}

const NAME_ERROR: &str = "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nNameError: name 'w' is not defined\n";
const VALUE_ERROR: &str =
    "Traceback (most recent call last):\n  File \"<string>\", line 1\nValueError: NameError: no";

#[test]
fn a_missing_variable_and_the_recovery_from_it() {
    let affected = trace(&[
        step(10, None, json!({})),
        step(20, Some(NAME_ERROR), json!({"exception_type": "NameError"})),
        step(30, Some("..."), json!({"exception_type": "UnboundLocalError"})),
        step(40, None, json!({})),
    ]);
    let untouched = trace(&[step(100, None, json!({}))]);
    let summary = summary_of(&[affected, untouched]);
    assert_eq!(summary["missing_variable_share"], 0.5);
    assert_eq!(summary["missing_variable_errors"], 1.0);
    // 30 + 40 tokens of the affected episode, of 200 tokens of the condition.
    assert_eq!(summary["tokens_after_first_missing_variable"], 70.0);
    assert_eq!(summary["tokens_after_first_missing_variable_share"], 0.35);
}

#[test]
fn the_recorded_exception_type_decides_over_the_text() {
    let from_text = trace(&[step(1, Some(NAME_ERROR), Value::Null)]);
    let other_text = trace(&[step(1, Some(VALUE_ERROR), Value::Null)]);
    // A NameError handled by raising another: only the type that ended the step counts.
    let chained = trace(&[step(1, Some(NAME_ERROR), json!({"exception_type": "ValueError"}))]);
    assert_eq!(summary_of(&[from_text, other_text, chained])["missing_variable_errors"], 1.0 / 3.0);
}

#[test]
fn runs_of_failing_steps() {
    let fail = || step(1, Some(VALUE_ERROR), json!({}));
    let fine = || step(1, None, json!({}));
    let could_not_be_run = json!({"error": "several code blocks", "token_usage": {"total_tokens": 1}});
    // As the agent records a turn without code.
    let no_code = json!({
        "turn": 6, "assistant_text": "Hm.", "code": null, "interpreter_result": null,
        "token_usage": {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1},
    });
    let three = trace(&[fail(), fail(), fine(), fail(), could_not_be_run, fail(), no_code, fail()]);
    let summary = summary_of(&[three, trace(&[fine()])]);
    assert_eq!(summary["longest_failing_run_mean"], 1.5);
    assert_eq!(summary["longest_failing_run_max"], 3);
    assert_eq!(summary["missing_variable_share"], 0.0);
    assert_eq!(summary["tokens_after_first_missing_variable"], Value::Null);
}

#[test]
fn failed_episodes_are_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let failed = json!({
        "status": "failed", "error": "Step: Unavailable", "started_at": 1.0, "finished_at": 2.0, "result": null,
    });
    let cut_off = trace(&[step(20, Some(NAME_ERROR), json!({}))]);
    write_episode(folder.path(), "a", 0, &failed, &cut_off);
    write_episode(folder.path(), "a", 1, &failed, &cut_off);
    write_episode(folder.path(), "a", 2, &result(true, 1.0), &trace(&[step(10, None, json!({}))]));
    let run = folder.path().to_str().unwrap();
    let outcome = analysis(&["failures", run]).succeeded();
    assert_eq!(outcome.row("Episodes"), ["1"]);
    assert_eq!(outcome.row("Missing-variable errors / episode"), ["0.00"]);
    assert!(outcome.stderr.contains("2 failed episode(s) left out"), "{}", outcome.stderr);

    let outcome = analysis(&["trace-stats", run, run]).succeeded();
    assert_eq!(outcome.row("Episodes"), ["1", "1", "0"]);
    assert_eq!(outcome.row("Total tokens"), ["10", "10", "0"]);
    assert!(outcome.stderr.contains("2 failed episode(s) left out"), "{}", outcome.stderr);
}

#[test]
fn redundant_tool_calls() {
    let call = |name: &str, arguments: Value, result: Value| json!({"name": name, "arguments": arguments, "result": result});
    let first = json!({"tool_calls": [
        call("inspect", json!(["a"]), json!("1")),
        call("inspect", json!(["b"]), json!("1")),   // other arguments
        call("take_item", json!(["a"]), json!(null)),
        call("scan", json!([]), json!("x,y")),
    ]});
    let second = json!({"tool_calls": [
        call("inspect", json!({"item_id": "a"}), json!("1")), // again
        call("take_item", json!(["a"]), json!(null)),         // no answer
        call("scan", json!([]), json!("y,z")),                // another answer
        call("scan", json!({}), json!("x,y")),                // again
        {"name": "inspect", "arguments": ["a"], "result": null, "error": "no"},
        call("finish", json!([]), json!(null)),               // not a tool of the task
    ]});
    let summary = summary_of(&[trace(&[step(1, None, first), step(1, None, second)])]);
    assert_eq!(summary["redundant_tool_calls"], 2.0);
    assert_eq!(summary["redundant_tool_calls_share"], 2.0 / 9.0);
}

#[test]
fn redundant_blocks() {
    let block = |code: &str| json!({"code": code, "interpreter_result": {"success": true, "output": ""}});
    let no_code = json!({"assistant_text": "Hm.", "code": null});
    let steps = [
        block("print(1)"),
        block("print(2)"),
        block("print(1)\n"),
        no_code.clone(),
        block("print(1)"),
        no_code,
    ];
    let summary = summary_of(&[trace(&steps), trace(&[block("print(1)")])]);
    assert_eq!(summary["redundant_blocks"], 1.0);
    assert_eq!(summary["redundant_blocks_share"], 0.4);
}

#[test]
fn redundant_definitions() {
    let define = |pairs: &[(&str, &str)]| {
        let definitions: Vec<Value> =
            pairs.iter().map(|(name, digest)| json!({"name": name, "digest": digest})).collect();
        step(1, None, json!({ "definitions": definitions }))
    };
    let steps = [
        define(&[("ids", "1"), ("w", "1")]),
        define(&[("ids", "1"), ("w", "2")]), // ids again
        define(&[("w", "1")]),               // equal to the first definition, but not to the latest
        define(&[("w", "1"), ("v", "1")]),   // w again
    ];
    let summary = summary_of(&[trace(&steps)]);
    assert_eq!(summary["redundant_definitions"], 2.0);
    assert_eq!(summary["redundant_definitions_share"], 2.0 / 7.0);
}

#[test]
fn recorded_runs() {
    let (a, b) = (recorded("persistent"), recorded("stateless"));
    let outcome = analysis(&["failures".into(), a, b]).succeeded();
    assert_eq!(outcome.row("Condition"), ["persistent", "stateless"]);
    assert_eq!(outcome.row("Episodes"), ["6", "6"]);
    // The only error: a NameError in the fourth of the five steps of stateless task 0; its fifth
    // has 795 of the condition's 9193 tokens.
    assert_eq!(outcome.row("Episodes with a missing-variable error (%)"), ["0.0", "16.7"]);
    assert_eq!(outcome.row("Missing-variable errors / episode"), ["0.00", "0.17"]);
    assert_eq!(outcome.row("Longest run of failing steps, mean"), ["0.00", "0.17"]);
    assert_eq!(outcome.row("Longest run of failing steps, max"), ["0", "1"]);
    assert_eq!(outcome.row("Tokens after the first missing variable, mean of affected"), ["-", "795"]);
    assert_eq!(outcome.row("Tokens after the first missing variable (% of all)"), ["0.0", "8.6"]);
    // These traces record neither calls nor definitions.
    assert_eq!(outcome.row("Redundant tool calls / episode"), ["-", "-"]);
    assert_eq!(outcome.row("Redundant definitions (% of all)"), ["-", "-"]);
}

#[test]
fn each_agent_is_a_condition_and_each_episode_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("study");
    write_episode(&run, "codeact", 0, &result(true, 1.0), &trace(&[step(7, Some(NAME_ERROR), Value::Null)]));
    write_episode(&run, "codeact", 1, &result(false, 0.25), &trace(&[step(5, None, json!({}))]));
    write_episode(&run, "react", 0, &result(true, 1.0), &trace(&[step(5, None, json!({}))]));
    let lines = folder.path().join("episodes.jsonl");
    let arguments = ["failures", run.to_str().unwrap(), "--per-episode", lines.to_str().unwrap()];
    let outcome = analysis(&arguments).succeeded();
    assert_eq!(outcome.row("Condition"), ["study/codeact", "study/react"]);
    let lines = fs::read_to_string(lines).unwrap();
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        rows[0],
        json!({
            "condition": "study/codeact", "task_id": "knapsack-0000000000", "solved": true, "score": 1.0,
            "steps": 1, "missing_variable_errors": 1, "longest_failing_run": 1, "total_tokens": 7,
            "tokens_estimated": false, "tokens_after_first_missing_variable": 0,
            "blocks": {"total": 1, "redundant": 0}, "tool_calls": null, "definitions": null,
        })
    );
    assert_eq!(rows[1]["tool_calls"], json!({"total": 0, "redundant": 0}));
    assert_eq!(rows[1]["tokens_after_first_missing_variable"], Value::Null);
}

#[test]
fn conditions_of_the_same_name_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let runs = [folder.path().join("one/study"), folder.path().join("two/study")];
    for run in &runs {
        write_episode(run, "a", 0, &result(true, 1.0), &trace(&[step(1, None, json!({}))]));
    }
    let summaries = summaries(&[&runs[0], &runs[1]]);
    let label = |index: usize| summaries[index]["condition"].as_str().unwrap();
    assert!(label(0).ends_with("one/study/a") && label(1).ends_with("two/study/a"), "{summaries:?}");
}

#[test]
fn traces_without_steps_are_left_out() {
    let folder = recorded("main_table/cells/easy_reset_persistent_m");
    let outcome = analysis(&["failures".into(), folder]);
    outcome.refused(&["its trace records no steps; left out", "no trace that records steps"]);
}
