//! `main-table` against the recorded spec and table, and on invalid specs.
#![allow(clippy::unwrap_used, reason = "clippy exempts tests, but not their helpers")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{analysis, recorded};

/// Splits the text at each ` $\pm$ ` into the text without, and the half-widths.
fn without_half_widths(text: &str) -> (String, Vec<f64>) {
    let mut parts = text.split(" $\\pm$ ");
    let mut rest = parts.next().unwrap().to_owned();
    let mut half_widths = Vec::new();
    for part in parts {
        let (half_width, behind) = part.split_once(' ').unwrap();
        half_widths.push(half_width.parse().unwrap());
        rest.push_str(" PM ");
        rest.push_str(behind);
    }
    (rest, half_widths)
}

#[test]
fn the_recorded_table() {
    let outcome = analysis(&["main-table".into(), recorded("main_table/spec.json")]).succeeded();
    assert_eq!(outcome.stderr, "");
    let expected = fs::read_to_string(recorded("main_table/table_expected.tex")).unwrap();
    let (text, half_widths) = without_half_widths(&outcome.stdout);
    let (expected_text, expected_half_widths) = without_half_widths(&expected);
    assert_eq!(text, expected_text);
    // The recorded intervals are from another random generator.
    assert_eq!(half_widths.len(), 4);
    for (ours, theirs) in half_widths.iter().zip(&expected_half_widths) {
        assert!((ours - theirs).abs() < 0.3 + 1e-9, "{half_widths:?} {expected_half_widths:?}");
    }
}

/// The same spec elsewhere, with the folder that its paths are relative to.
#[test]
fn a_spec_may_be_read_for_another_folder() {
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join("spec.json");
    fs::copy(recorded("main_table/spec.json"), &spec).unwrap();
    let runs = recorded("main_table");
    let outcome = analysis(&[Path::new("main-table"), &spec, Path::new("--in"), &runs]).succeeded();
    let beside = analysis(&["main-table".into(), runs.join("spec.json")]).succeeded();
    assert_eq!((outcome.stdout, outcome.stderr), (beside.stdout, beside.stderr));
}

#[test]
fn the_same_seed_gives_the_same_table() {
    let spec = recorded("main_table/spec.json");
    let table = |seed: &str| {
        let arguments = ["main-table", spec.to_str().unwrap(), "--resamples", "50", "--seed", seed];
        analysis(&arguments).succeeded().stdout
    };
    assert_eq!(table("1"), table("1"));
    assert_ne!(table("1"), table("2"));
}

/// A summary file's content.
fn summary(score: f64, solved: u64, steps: f64) -> Value {
    json!({
        "average_is_solved": 0.5, "average_runtime": 12.345, "average_steps": steps, "average_total_tokens": 12345.6,
        "metrics": {"score": {"mean": score, "median": 0.0, "min": 0.0, "max": 0.0}},
        "num_tasks_executed": 8, "num_tasks_solved": solved,
    })
}

fn cell(train: &str, runtime: &str, path: &str) -> Value {
    json!({"difficulty": "Medium", "train": train, "runtime": runtime, "path": path})
}

/// Runs a spec that lies in `folder` beside `a.json` and `b.json`.
fn run(folder: &Path, spec: &Value) -> support::Outcome {
    fs::write(folder.join("a.json"), summary(0.5, 3, 4.0).to_string()).unwrap();
    fs::write(folder.join("b.json"), summary(0.75, 2, 3.456).to_string()).unwrap();
    let path = folder.join("spec.json");
    fs::write(&path, spec.to_string()).unwrap();
    analysis(&[Path::new("main-table"), &path])
}

#[test]
fn formats_and_missing_cells() {
    let folder = tempfile::tempdir().unwrap();
    let cells = [cell("Reset", "Reset", "b.json"), cell("Persistent", "Reset", "a.json")];
    let outcome = run(folder.path(), &json!({"cells": cells, "solved_format": "percent"})).succeeded();
    assert!(outcome.stdout.contains("\\label{tab:main_results}\n"));
    assert!(outcome.stdout.contains(" & \\textbf{Solved (\\%)} & "));
    let rows: Vec<&str> = outcome.stdout.lines().filter(|line| line.ends_with("\\\\")).skip(1).collect();
    assert_eq!(
        rows,
        [
            "\\multirow{4}{*}{\\rotatebox[origin=c]{90}{Medium}} & Persistent & Persistent & -- & -- & -- & -- & -- & -- \\\\",
            " & Persistent & Reset & 50.0 & 37.5 & 4 & \\textbf{12,346} & \\textbf{12.3} & 4.05 \\\\",
            " & Reset & Persistent & -- & -- & -- & -- & -- & -- \\\\",
            " & Reset & Reset & \\textbf{75.0} & 25.0 & \\textbf{3.46} & \\textbf{12,346} & \\textbf{12.3} & \\textbf{6.08} \\\\",
        ]
    );
    assert!(outcome.stderr.contains("no cell for Medium, trained Persistent, run Persistent"));
    assert!(!outcome.stderr.contains("Easy"), "a difficulty without any cell is left out");
}

#[test]
fn score_scales() {
    let folder = tempfile::tempdir().unwrap();
    let score = |scale: &str, score_override: f64| {
        let mut cell = cell("Reset", "Reset", "a.json");
        cell["score_override"] = json!(score_override);
        let outcome = run(folder.path(), &json!({"cells": [cell], "score_scale": scale})).succeeded();
        let row = outcome.stdout.lines().find(|line| line.contains("Reset & Reset")).unwrap();
        row.split(" & ").nth(3).unwrap().to_owned()
    };
    assert_eq!(score("auto", 1.5), "\\textbf{150.0}");
    assert_eq!(score("auto", 1.6), "\\textbf{1.6}");
    assert_eq!(score("fraction", 1.6), "\\textbf{160.0}");
    assert_eq!(score("percent", 0.5), "\\textbf{0.5}");
}

#[test]
fn invalid_specs_are_refused_by_cell_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let fine = cell("Reset", "Reset", "a.json");
    let with = |key: &str, value: Value| {
        let mut cell = cell("Persistent", "Reset", "a.json");
        cell[key] = value;
        json!({"cells": [fine, cell]})
    };
    let refused = |spec: Value, words: &[&str]| {
        let outcome = run(folder.path(), &spec);
        outcome.refused(&["spec.json: "]);
        outcome.refused(words);
    };
    refused(with("scale", json!(1)), &["cells[1].scale", "unknown key", "score_override"]);
    refused(with("difficulty", json!("Hard")), &["cells[1].difficulty", "\"Hard\"", "one of Easy, Medium"]);
    refused(
        with("score_override", json!("75")),
        &["cells[1].score_override", "expected a number, found a string"],
    );
    refused(with("path", json!("c.json")), &["cells[1].path", "reading", "c.json"]);
    refused(with("metrics_path", json!("c")), &["cells[1].metrics_path", "reading", "c: "]);
    refused(
        json!({"cells": [{"difficulty": "Easy", "train": "reset"}], "lable": "x"}),
        &[
            "cells[0].train: expected one of Persistent, Reset, found a string, \"reset\"",
            "cells[0].runtime: missing",
            "cells[0].path: missing",
            "lable: unknown key; did you mean label?",
        ],
    );
    refused(json!({"cells": [], "title": "x"}), &["title: unknown key", "cells is empty"]);
    refused(json!({"cells": []}), &["cells is empty"]);
    refused(json!({"cells": [fine, fine]}), &["cells[1] and cells[0] are both Medium"]);
    refused(json!({"caption": "x"}), &["cells: missing"]);
    fs::write(folder.path().join("c.json"), json!({"num_tasks_solved": 1}).to_string()).unwrap();
    refused(with("path", json!("c.json")), &["cells[1].path", "c.json: missing field `average_is_solved`"]);
    let mut scoreless = summary(0.5, 1, 1.0);
    scoreless["metrics"] = json!({});
    fs::write(folder.path().join("c.json"), scoreless.to_string()).unwrap();
    refused(with("path", json!("c.json")), &["cells[1].path", "metrics.score is missing"]);
}
