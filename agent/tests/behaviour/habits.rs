//! The scripted policies with both interpreter states, through the whole agent: the differences that the
//! study's 2x2 is to show must already show here.
//!
//! `HABIT_TASKS=100 cargo test --release -p agent --test behaviour habits -- --nocapture`
//! plays more tasks and prints the table.

use std::path::Path;

use crate::support::{Fake, Setup};
use agent::config::RunConfig;
use agent::run::{Options, execute};
use client::Retry;
use proto::run::{EpisodeResult, Layout};
use proto::trace::{EventKind, Trace};
use tokio::sync::watch;

/// Measurements of one cell: means over tasks.
#[derive(Debug)]
#[allow(dead_code)] // some fields are only printed
struct Cell {
    score: f64,
    /// Value of the items taken, as a share of the best value that the inspected items allow.
    of_reachable: f64,
    missing_share: f64,
    missing_errors: f64,
    other_errors: f64,
    finished: f64,
    turns: f64,
    completion_tokens: f64,
    tokens: f64,
}

async fn play(setup: Setup, habit: &str, persistent: bool, folder: &Path, calls: u32) -> Cell {
    let tasks = setup.tasks;
    let fake = Fake::start(setup).await;
    let name = format!("{habit}-{persistent}");
    let yaml = format!(
        "{{output_dir: {folder:?}, run_name: {name}, task_families: [knapsack], agents: [{{name: a, \
         agent_type: codeact, persistent_state: {persistent}, max_tool_calls: {calls}, \
         llm: {{backend: scripted, model: {habit}}}}}]}}"
    );
    let options = Options {
        config: RunConfig::parse(&yaml).unwrap(),
        tasks_root: None,
        envs: vec![fake.url.clone()],
        max_examples: None,
        retry: Retry::default(),
    };
    let (_keep, stop) = watch::channel(false);
    let report = execute(options, stop).await.unwrap();
    assert_eq!(report.failed(), 0);
    let layout = Layout::new(folder, &name);
    let episodes: Vec<(EpisodeResult, Trace)> = (0..tasks)
        .map(|index| {
            let task_id = format!("knapsack-{index:010}");
            (
                files::read_json(&layout.result("a", "knapsack", &task_id)).unwrap(),
                files::read_json(&layout.trace("a", "knapsack", &task_id)).unwrap(),
            )
        })
        .collect();
    let mean = |value: &dyn Fn(&(EpisodeResult, Trace)) -> f64| {
        episodes.iter().map(value).sum::<f64>() / episodes.len() as f64
    };
    let metric =
        |result: &EpisodeResult, name: &str| result.result.as_ref().unwrap().metrics[name].as_f64().unwrap();
    Cell {
        score: mean(&|(result, _)| result.result.as_ref().unwrap().score),
        of_reachable: mean(&|(result, _)| {
            let reachable = metric(result, "reachable_value");
            // If no inspected item is allowed, taking nothing is the best choice.
            if reachable > 0.0 { metric(result, "agent_value") / reachable } else { 1.0 }
        }),
        missing_share: mean(&|(_, trace)| f64::from(u8::from(errors(trace, true) > 0))),
        missing_errors: mean(&|(_, trace)| errors(trace, true) as f64),
        other_errors: mean(&|(_, trace)| errors(trace, false) as f64),
        finished: mean(&|(_, trace)| {
            f64::from(u8::from(trace.summary.finish_reason.as_deref() == Some("finish_tool")))
        }),
        turns: mean(&|(_, trace)| trace.summary.num_steps as f64),
        completion_tokens: mean(&|(_, trace)| trace.summary.token_usage.completion_tokens as f64),
        tokens: mean(&|(_, trace)| trace.summary.token_usage.total_tokens as f64),
    }
}

/// The number of failed steps: those stopped by an undefined name, or the others.
fn errors(trace: &Trace, missing: bool) -> usize {
    let failed = trace.events.iter().filter_map(|event| match &event.kind {
        EventKind::StepEvent(step) => step.info.as_ref()?.exception_type.as_deref(),
        _ => None,
    });
    failed.filter(|name| ["NameError", "UnboundLocalError"].contains(name) == missing).count()
}

/// The four cells: the persistent policy with a persistent and a resetting interpreter, then the reset policy
/// with both. It prints them.
#[allow(clippy::print_stdout)]
async fn table(setup: &Setup, calls: u32, manner: &str) -> [Cell; 4] {
    let folder = tempfile::tempdir().unwrap();
    let (persistent, reset) = (format!("persistent-{manner}"), format!("reset-{manner}"));
    let cells = [
        play(setup.clone(), &persistent, true, folder.path(), calls).await,
        play(setup.clone(), &persistent, false, folder.path(), calls).await,
        play(setup.clone(), &reset, true, folder.path(), calls).await,
        play(setup.clone(), &reset, false, folder.path(), calls).await,
    ];
    for (name, cell) in ["P in P", "P in R", "R in P", "R in R"].iter().zip(&cells) {
        println!("{name}: {cell:.3?}");
    }
    cells
}

fn tasks(default: u64) -> u64 {
    std::env::var("HABIT_TASKS").ok().and_then(|count| count.parse().ok()).unwrap_or(default)
}

/// What holds for tasks of every size.
fn check_errors([persistent, mismatched, wasteful, reset]: &[Cell; 4]) {
    for cell in [persistent, wasteful, reset] {
        assert_eq!((cell.missing_share, cell.other_errors, cell.finished), (0.0, 0.0, 1.0));
        assert_eq!(cell.of_reachable, 1.0, "the choice is exact");
    }
    assert!(mismatched.missing_share >= 0.95, "{mismatched:?}");
    assert_eq!(mismatched.other_errors, 0.0);
    assert!(mismatched.finished >= 0.95, "{mismatched:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policies_differ_in_what_they_assume() {
    let cells = table(&Setup { tasks: tasks(12), ..Setup::default() }, 25, "habit").await;
    check_errors(&cells);
    let [persistent, mismatched, wasteful, reset] = cells;
    assert!(mismatched.of_reachable > 0.9, "{mismatched:?}");
    assert!(reset.score > 0.7, "{reset:?}"); // the inspect budget keeps it from 1
    assert!(wasteful.tokens >= 2.0 * persistent.tokens, "{wasteful:?}");
    assert!(mismatched.tokens >= 1.5 * persistent.tokens, "{mismatched:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn they_also_play_large_tasks() {
    let setup = Setup { tasks: tasks(4), items: (80, 120), classes: (26, 5), ..Setup::default() };
    check_errors(&table(&setup, 25, "habit").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn they_keep_to_a_small_limit_of_tool_calls() {
    let setup = Setup { tasks: tasks(4), items: (8, 12), classes: (4, 2), ..Setup::default() };
    check_errors(&table(&setup, 5, "habit").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plain_policies_keep_to_it_too_and_recover_exactly() {
    let setup = Setup { tasks: tasks(12), items: (8, 12), classes: (4, 2), ..Setup::default() };
    let cells = table(&setup, 5, "plain").await;
    check_errors(&cells);
    let [persistent, mismatched, wasteful, _] = cells;
    assert_eq!(mismatched.of_reachable, 1.0, "the outputs hold all that was lost");
    assert!(wasteful.completion_tokens >= 2.0 * persistent.completion_tokens, "{wasteful:?}");
    assert!(mismatched.completion_tokens >= 1.5 * persistent.completion_tokens, "{mismatched:?}");
}
