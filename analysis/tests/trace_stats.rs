//! `trace-stats` on the recorded runs and on damaged ones.
#![allow(clippy::unwrap_used, reason = "clippy exempts tests, but not their helpers")]

mod support;

use std::fs;

use serde_json::json;
use support::{analysis, recorded, result, trace, write_episode};

#[test]
fn recorded_runs_side_by_side() {
    let outcome =
        analysis(&["trace-stats".into(), recorded("persistent"), recorded("stateless")]).succeeded();
    assert_eq!(outcome.stderr, "");
    // Computed from the files without this program:
    // solved 2 of 6 and 1 of 6; mean scores 0.86449 and 0.78392; weight / capacity 84.190 % and
    // 90.305 %; inspected 154 / 6 and 135 / 6; steps 24 / 6 and 22 / 6; tool names in front of a
    // parenthesis, `finish` among them, 24 / 6 and 30 / 6; tokens 4176 / 6 and 9193 / 6.
    assert_eq!(outcome.row("Episodes"), ["6", "6", "0"]);
    assert_eq!(outcome.row("Success (%)"), ["33.3", "16.7", "16.7"]);
    assert_eq!(outcome.row("Optimality (0-1)"), ["0.8645", "0.7839", "0.0806"]);
    assert_eq!(outcome.row("Capacity utilisation (%)"), ["84.2", "90.3", "-6.1"]);
    assert_eq!(outcome.row("Items inspected"), ["25.67", "22.50", "3.17"]);
    assert_eq!(outcome.row("Steps"), ["4.00", "3.67", "0.33"]);
    assert_eq!(outcome.row("Tool calls that happened"), ["-", "-", "-"]);
    assert_eq!(outcome.row("Tool names in code"), ["4.00", "5.00", "-1.00"]);
    assert_eq!(outcome.row("Total tokens"), ["696", "1,532", "-836"]);
}

#[test]
fn a_folder_of_pairs_is_the_run_it_belongs_to() {
    let pairs = recorded("stateless/results/teacher/knapsack");
    let outcome = analysis(&["trace-stats".into(), recorded("stateless"), pairs]).succeeded();
    assert_eq!(outcome.row("Total tokens"), ["1,532", "1,532", "0"]);
}

#[test]
fn recorded_calls_and_estimated_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let call = json!({"name": "inspect", "arguments": ["a"], "result": "{}"});
    let step = json!({
        "code": "for i in ids: inspect(i)",
        "interpreter_result": {"success": true, "output": ""},
        "token_usage": {"total_tokens": 10},
        "info": {"tool_calls": [call, call, call]},
    });
    let mut ours = trace(&[step]);
    ours["summary"]["token_usage"]["estimated"] = json!(true);
    write_episode(folder.path(), "a", 0, &result(true, 1.0), &ours);
    let outcome =
        analysis(&["trace-stats".into(), folder.path().to_owned(), recorded("persistent")]).succeeded();
    assert_eq!(outcome.row("Tool calls that happened"), ["3.00", "-", "-"]);
    assert_eq!(outcome.row("Tool names in code"), ["1.00", "4.00", "-3.00"]);
    assert_eq!(outcome.row("Total tokens"), ["~10", "696", "-686"]);
}

#[test]
fn broken_files_are_named_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path();
    let pairs = run.join("results/a/knapsack");
    for index in 0..4 {
        write_episode(run, "a", index, &result(index == 0, 0.5), &trace(&[json!({"turn": 0})]));
    }
    fs::write(pairs.join("knapsack-knapsack-0000000001.json"), "{\"status\": ").unwrap();
    fs::remove_file(pairs.join("knapsack-knapsack-0000000002.trace.json")).unwrap();
    fs::write(
        pairs.join("knapsack-knapsack-0000000003.trace.json"),
        trace(&[json!({"turn": "first"})]).to_string(),
    )
    .unwrap();
    let outcome = analysis(&["trace-stats", run.to_str().unwrap(), run.to_str().unwrap()]).succeeded();
    // Three files, each read for A and for B.
    assert_eq!(outcome.stderr.lines().filter(|line| line.starts_with("warning: ")).count(), 6);
    assert!(outcome.stderr.contains("knapsack-0000000001.json: EOF while parsing"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("knapsack-0000000002.json: no trace beside it"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("knapsack-0000000003.trace.json: 1 StepEvent"), "{}", outcome.stderr);
    assert!(outcome.stderr.ends_with("6 warnings\n"), "{}", outcome.stderr);
    assert_eq!(outcome.row("Episodes")[0], "4");
    assert_eq!(outcome.row("Success (%)")[0], "33.3 (n = 3)");
    assert_eq!(outcome.row("Steps")[0], "1.00 (n = 3)");
}

#[test]
fn nothing_to_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    analysis(&["trace-stats", empty, empty]).refused(&[
        empty,
        "no episodes found",
        "results/<agent>/<family>/",
    ]);
    analysis(&["trace-stats", "no/such/folder", empty]).refused(&["reading no/such/folder"]);
    fs::write(folder.path().join("x.trace.json"), "?").unwrap();
    analysis(&["trace-stats", empty, empty])
        .refused(&["x.trace.json: expected value", "the warnings say why"]);
}
