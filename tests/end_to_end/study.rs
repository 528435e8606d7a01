//! The study on a few tasks: tasks are generated, the scripted habits play episodes through a real server, and the traces
//! are analysed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use proto::run::{EpisodeResult, Layout};
use proto::trace::{EventKind, Trace};
use serde_json::Value;
use study::kind::Kind;
use tests::{EnvServer, program, root};

const CELLS: [&str; 4] = [
    "persistent-habit_in_persistent",
    "persistent-habit_in_reset",
    "reset-habit_in_persistent",
    "reset-habit_in_reset",
];
const EPISODES: usize = 10;

/// Runs a program that must succeed.
fn succeed(name: &str, arguments: &[&str]) {
    let output = Command::new(program(name)).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn generate(out: &Path) {
    succeed("env-server", &["generate", "--config", "task_configs/eval_easy.json", "--out", text(out)]);
}

/// `agent run` of a cell, with its output below `out`.
fn agent_run(cell: &str, tasks: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(program("agent"));
    command
        .args(["run", "--config", &format!("agent_configs/habits/{cell}.yaml")])
        .args(["--tasks-root", text(tasks), "--output-dir", text(out)])
        .args(more)
        .current_dir(root());
    command
}

/// Plays a cell to its end.
fn play(cell: &str, tasks: &Path, out: &Path, more: &[&str]) {
    let output = agent_run(cell, tasks, out, more).output().unwrap();
    assert!(output.status.success(), "{cell}: {}", String::from_utf8_lossy(&output.stderr));
}

fn trace(out: &Path, cell: &str, task: usize) -> Trace {
    let path = Layout::new(out, cell).trace(cell, "knapsack", &format!("knapsack-{task:010}"));
    files::read_json(&path).unwrap()
}

#[tokio::test]
async fn the_two_habits_differ_as_the_paper_says() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let tasks = out.join("tasks");
    generate(&tasks);
    let server = EnvServer::start(&[&tasks], &[]).await;
    let episodes = EPISODES.to_string();
    for cell in CELLS {
        play(cell, &tasks, out, &["--env", &server.url, "--max-examples", &episodes]);
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
    // Unless state is lost, each habit takes the best set of the items that it inspected.
    for cell in CELLS.into_iter().filter(|cell| *cell != "persistent-habit_in_reset") {
        for task in 0..EPISODES {
            let task_id = format!("knapsack-{task:010}");
            let path = Layout::new(out, cell).result(cell, "knapsack", &task_id);
            let result: EpisodeResult = files::read_json(&path).unwrap();
            let task_file = files::read_json(&tasks.join(format!("tasks/knapsack/{task_id}.json"))).unwrap();
            let best = best_of_inspected(&task_file, &trace(out, cell, task));
            assert_eq!(result.result.unwrap().metrics["agent_value"], best, "{cell} task {task}");
        }
    }
}

/// A study does not reuse tasks of an older generator: their stage's key has the generator's release date.
#[test]
fn stages_of_tasks_know_the_generator() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    let manifest: Value = files::read_json(&folder.path().join("manifest.json")).unwrap();
    assert_eq!(manifest["created_at"], format!("{}T00:00:00Z", Kind::Tasks.rules()));
}

/// The highest value that the inspected items of allowed classes can have within the capacity.
fn best_of_inspected(task: &Value, trace: &Trace) -> u64 {
    let calls = trace.events.iter().filter_map(|event| match &event.kind {
        EventKind::StepEvent(step) => Some(&step.info.as_ref()?.tool_calls),
        _ => None,
    });
    let inspected: BTreeSet<&str> = (calls.flatten())
        .filter(|call| call.name == "inspect" && call.error.is_none())
        .map(|call| call.arguments[0].as_str().unwrap())
        .collect();
    let allowed = task["public"]["allowed_classes"].as_array().unwrap();
    let mut best = vec![0; task["public"]["capacity"].as_u64().unwrap() as usize + 1];
    for item in inspected.into_iter().map(|id| &task["private"]["items"][id]) {
        if allowed.contains(&item["class"]) {
            let weight = item["weight"].as_u64().unwrap() as usize;
            for room in (weight..best.len()).rev() {
                best[room] = best[room].max(best[room - weight] + item["value"].as_u64().unwrap());
            }
        }
    }
    best[best.len() - 1]
}

/// A run's own server is killed under it: the run ends at once and says why.
#[cfg(unix)]
#[test]
fn a_run_whose_server_dies_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let tasks = out.join("tasks");
    generate(&tasks);
    let cell = "reset-habit_in_reset";
    let mut agent = agent_run(cell, &tasks, out, &[]).stderr(Stdio::piped()).spawn().unwrap();
    let results = Layout::new(out, cell).results(cell, "knapsack");
    // Polled: a folder gives no signal when it gets a file.
    while !fs::read_dir(&results).is_ok_and(|mut files| files.next().is_some()) {
        assert_eq!(agent.try_wait().unwrap(), None, "the run ended before its first result");
        std::thread::sleep(Duration::from_millis(2));
    }
    let children = Command::new("pgrep").args(["-P", &agent.id().to_string()]).output().unwrap();
    let server = String::from_utf8(children.stdout).unwrap();
    assert!(Command::new("kill").args(["-KILL", server.trim()]).status().unwrap().success());
    let output = agent.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(message.contains("error: the environment server ended (signal: 9"), "{message}");
}

#[test]
fn a_run_starts_its_own_server_repeats_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let tasks = out.join("tasks");
    generate(&tasks);
    let cell = "persistent-habit_in_persistent";
    let play = |examples: &str| play(cell, &tasks, out, &["--max-examples", examples]);
    play("2");
    let layout = Layout::new(out, cell);
    let result = |task: usize| layout.result(cell, "knapsack", &format!("knapsack-{task:010}"));
    let first = fs::read_to_string(result(0)).unwrap();
    let before = trace(out, cell, 1);

    // A second run resumes where the first stopped, and leaves its results alone.
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
    let summary: proto::run::Summary = files::read_json(&layout.summary(cell, "knapsack")).unwrap();
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
    // A file stands where the run's folder should be.
    fs::write(blocked.join("reset-habit_in_reset"), "a file").unwrap();
    let output = agent_run("reset-habit_in_reset", &tasks, &blocked, &[]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(message.contains(text(&blocked)), "{message}");
}
