//! The study on a few tasks: tasks generated, episodes played by the scripted
//! habits through a real server, traces analysed.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use proto::{
    run::{EpisodeResult, Layout},
    trace::{EventKind, Trace},
};
use serde_json::Value;
use tests::{EnvServer, program, root};

const CELLS: [&str; 4] = [
    "persistent-habit_in_persistent",
    "persistent-habit_in_reset",
    "reset-habit_in_persistent",
    "reset-habit_in_reset",
];
const EPISODES: usize = 10;

fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(program(name)).args(arguments).current_dir(root()).output().unwrap()
}

/// Runs a program that must succeed; what it printed.
fn succeed(name: &str, arguments: &[&str]) -> String {
    let output = run(name, arguments);
    assert!(output.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn generate(out: &Path) {
    succeed("env-server", &["generate", "--config", "task_configs/eval_easy.json", "--out", text(out)]);
}

/// The config of a cell, with its output below `out`.
fn config(cell: &str, out: &Path) -> PathBuf {
    let config = fs::read_to_string(root().join(format!("agent_configs/habits/{cell}.yaml"))).unwrap();
    let moved = config.replace("output_dir: runs/habits", &format!("output_dir: {}", text(out)));
    assert_ne!(config, moved, "the config names its output folder");
    let path = out.join(format!("{cell}.yaml"));
    fs::write(&path, moved).unwrap();
    path
}

fn trace(out: &Path, cell: &str, task: usize) -> Trace {
    let path = Layout::new(out, cell).trace(cell, "knapsack", &format!("knapsack-{task:010}"));
    proto::files::read_json(&path).unwrap()
}

#[test]
fn the_two_habits_differ_as_the_paper_says() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let tasks = out.join("tasks");
    generate(&tasks);
    let server = EnvServer::start(&[&tasks], &[]);
    let episodes = EPISODES.to_string();
    for cell in CELLS {
        let config = config(cell, out);
        let arguments = [
            "run",
            "--config",
            text(&config),
            "--tasks-root",
            text(&tasks),
            "--env",
            &server.url,
            "--max-examples",
        ];
        succeed("agent", &[arguments.as_slice(), &[&episodes]].concat());
    }

    let rows = out.join("rows.jsonl");
    let runs: Vec<PathBuf> = CELLS.iter().map(|cell| out.join(cell)).collect();
    let runs: Vec<&str> = runs.iter().map(|run| text(run)).collect();
    succeed("analysis", &[&["failures", "--per-episode", text(&rows)], runs.as_slice()].concat());
    let mut affected: BTreeMap<String, usize> = BTreeMap::new();
    for row in fs::read_to_string(&rows).unwrap().lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let condition = row["condition"].as_str().unwrap().to_owned();
        let missing = row["missing_variable_errors"].as_u64().unwrap() > 0;
        *affected.entry(condition).or_default() += usize::from(missing);
    }
    assert_eq!(affected.len(), CELLS.len());
    assert!(affected["persistent-habit_in_reset"] >= EPISODES - 1, "{affected:?}");
    for cell in CELLS.into_iter().filter(|cell| *cell != "persistent-habit_in_reset") {
        assert_eq!(affected[cell], 0, "{cell}");
    }

    let tokens = |cell: &str| -> u64 {
        (0..EPISODES).map(|task| trace(out, cell, task).summary.token_usage.total_tokens).sum()
    };
    let (reset, persistent) = (tokens("reset-habit_in_persistent"), tokens("persistent-habit_in_persistent"));
    assert!(reset >= 2 * persistent, "{reset} tokens against {persistent}");
    // Each habit plays as well as can be in its own runtime: an optimum of what the budget shows.
    for cell in ["persistent-habit_in_persistent", "reset-habit_in_reset"] {
        for task in 0..EPISODES {
            let path = Layout::new(out, cell).result(cell, "knapsack", &format!("knapsack-{task:010}"));
            let result: EpisodeResult = proto::files::read_json(&path).unwrap();
            assert!(result.result.unwrap().score > 0.3, "{cell} task {task}");
        }
    }
}

#[test]
fn a_run_starts_its_own_server_repeats_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let tasks = out.join("tasks");
    generate(&tasks);
    let cell = "persistent-habit_in_persistent";
    let config = config(cell, out);
    let play = |examples: &str| {
        succeed(
            "agent",
            &["run", "--config", text(&config), "--tasks-root", text(&tasks), "--max-examples", examples],
        )
    };
    play("2");
    let layout = Layout::new(out, cell);
    let result = |task: usize| layout.result(cell, "knapsack", &format!("knapsack-{task:010}"));
    let first = fs::read_to_string(result(0)).unwrap();
    let before = trace(out, cell, 1);

    // Goes on where it stopped, and leaves what is done alone.
    fs::remove_file(result(1)).unwrap();
    play("3");
    assert_eq!(fs::read_to_string(result(0)).unwrap(), first);
    assert!(result(1).exists() && result(2).exists());

    // The same task and seeds: the same episode, word for word.
    let words = |trace: &Trace| -> Vec<(String, Option<String>)> {
        let step = |event: &proto::trace::Event| match &event.kind {
            EventKind::StepEvent(step) => Some((
                step.assistant_text.clone(),
                step.interpreter_result.as_ref().map(|result| result.output.clone()),
            )),
            _ => None,
        };
        trace.events.iter().filter_map(step).collect()
    };
    let after = trace(out, cell, 1);
    assert!(!words(&before).is_empty());
    assert_eq!(words(&before), words(&after));

    let provenance = after.provenance.unwrap();
    assert_eq!(provenance.interpreter_state, "persistent");
    assert!(provenance.versions.python.starts_with("3.14"));
    assert!(provenance.limits["tool_calls_per_step"] == 25, "{}", provenance.limits);
    assert!(after.summary.token_usage.estimated, "a scripted policy has no tokenizer");
    let page = fs::read_to_string(layout.trace_html(cell, "knapsack", "knapsack-0000000001")).unwrap();
    assert!(page.contains("<!doctype html>") || page.contains("<!DOCTYPE html>"));
    let summary: proto::run::Summary = proto::files::read_json(&layout.summary(cell, "knapsack")).unwrap();
    assert_eq!(summary.num_tasks_executed, 3);
}

#[test]
fn generating_twice_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    generate(&first);
    generate(&second);
    let same = Command::new("diff").args(["-r", text(&first), text(&second)]).output().unwrap();
    assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
    assert_eq!(fs::read_dir(first.join("tasks/knapsack")).unwrap().count(), 100);
}

#[test]
fn a_run_that_cannot_be_written_stops_before_it_plays() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = folder.path().join("tasks");
    generate(&tasks);
    let blocked = folder.path().join("blocked");
    fs::create_dir(&blocked).unwrap();
    let config = config("reset-habit_in_reset", &blocked);
    // A file stands where the run's folder should be.
    fs::write(blocked.join("reset-habit_in_reset"), "a file").unwrap();
    let output = run("agent", &["run", "--config", text(&config), "--tasks-root", text(&tasks)]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(message.contains(text(&blocked)), "{message}");
}
