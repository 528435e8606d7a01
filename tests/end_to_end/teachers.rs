//! The scripted teachers on every task family, through a real server: they solve the tasks; both habits call the same
//! tools, and differ only in what they assume about the interpreter's state.

use std::fs;
use std::process::Command;

use proto::run::{EpisodeResult, Evaluation, Layout};
use proto::trace::{EventKind, StepInfo, Trace};
use serde_json::Value;
use tests::{EnvServer, program, root};

const EPISODES: usize = 8;

/// The families on which both habits make the same calls.
const MATCHED: [&str; 2] = ["navigation", "rule_diagnosis"];

/// Runs a program that must succeed.
fn succeed(name: &str, arguments: &[&str]) {
    let output = Command::new(program(name)).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A server with a few tasks of every family, and a folder for results.
struct Setup {
    server: EnvServer,
    folder: tempfile::TempDir,
}

/// An episode as its files have it.
struct Episode {
    evaluation: Evaluation,
    trace: Trace,
}

impl Setup {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tasks = folder.path().join("tasks");
        succeed(
            "env-server",
            &["generate", "--config", "task_configs/families.json", "--out", tasks.to_str().unwrap()],
        );
        Self { server: EnvServer::start(&[&tasks], &[]).await, folder }
    }

    /// Plays a config of `agent_configs/families`, changed, on the first tasks of every family.
    fn play(&self, name: &str, config: &str, changes: &[(&str, &str)]) {
        let text = fs::read_to_string(root().join(format!("agent_configs/families/{config}.yaml"))).unwrap();
        let run_name = (format!("run_name: {config}"), format!("run_name: {name}"));
        let text = changes.iter().fold(text.replace(&run_name.0, &run_name.1), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        let path = self.folder.path().join(format!("{name}.yaml"));
        fs::write(&path, text).unwrap();
        succeed(
            "agent",
            &["run", "--config", path.to_str().unwrap(), "--env", &self.server.url]
                .into_iter()
                .chain(["--output-dir", self.folder.path().to_str().unwrap()])
                .chain(["--max-examples", &EPISODES.to_string()])
                .collect::<Vec<_>>(),
        );
    }

    /// The episodes of a run; `config` is the name of its agent.
    fn episodes(&self, name: &str, config: &str, family: &str) -> Vec<Episode> {
        let layout = Layout::new(self.folder.path(), name);
        let episode = |task: usize| {
            let task_id = format!("{family}-{task:010}");
            let result: EpisodeResult = files::read_json(&layout.result(config, family, &task_id)).unwrap();
            let trace = files::read_json(&layout.trace(config, family, &task_id)).unwrap();
            Episode { evaluation: result.result.unwrap(), trace }
        };
        (0..EPISODES).map(episode).collect()
    }
}

fn steps(trace: &Trace) -> impl Iterator<Item = &StepInfo> {
    trace.events.iter().filter_map(|event| match &event.kind {
        EventKind::StepEvent(step) => step.info.as_ref(),
        _ => None,
    })
}

/// The calls of tools in an episode, in order, each with its arguments.
fn calls(episode: &Episode) -> Vec<(String, Value)> {
    let calls = steps(&episode.trace).flat_map(|info| &info.tool_calls);
    calls.map(|call| (call.name.clone(), call.arguments.clone())).collect()
}

/// How many steps were stopped by an undefined name, and how many by another error.
fn errors(episode: &Episode) -> (usize, usize) {
    let failed: Vec<&str> = steps(&episode.trace).filter_map(|info| info.exception_type.as_deref()).collect();
    let missing = failed.iter().filter(|name| **name == "NameError").count();
    (missing, failed.len() - missing)
}

fn check_played(episodes: &[Episode], family: &str, name: &str) {
    for (task, Episode { evaluation, trace }) in episodes.iter().enumerate() {
        assert_eq!(trace.summary.finish_reason.as_deref(), Some("finish_tool"), "{name}: {family} {task}");
        assert!(evaluation.is_solved || family == "knapsack", "{name}: {family} {task}");
    }
}

#[tokio::test]
async fn both_habits_solve_the_tasks_with_the_same_calls() {
    let setup = Setup::new().await;
    for manner in ["habit", "plain"] {
        let (persistent, reset) = (format!("persistent-{manner}"), format!("reset-{manner}"));
        let mismatched = format!("{persistent}_in_reset");
        let model = |name: &str, to: &str| (format!("model: {name}-habit"), format!("model: {to}"));
        let (of_persistent, of_reset) = (model("persistent", &persistent), model("reset", &reset));
        let of_persistent = (of_persistent.0.as_str(), of_persistent.1.as_str());
        setup.play(&persistent, "persistent", &[of_persistent]);
        setup.play(&reset, "reset", &[(of_reset.0.as_str(), of_reset.1.as_str())]);
        let in_reset = ("persistent_state: true", "persistent_state: false");
        setup.play(&mismatched, "persistent", &[of_persistent, in_reset]);
        for family in MATCHED {
            let persistent = setup.episodes(&persistent, "persistent", family);
            let reset = setup.episodes(&reset, "reset", family);
            let mismatched = setup.episodes(&mismatched, "persistent", family);
            for (episodes, name) in
                [(&persistent, "persistent"), (&reset, "reset"), (&mismatched, "mismatched")]
            {
                check_played(episodes, family, name);
            }
            for ((one, other), lost) in persistent.iter().zip(&reset).zip(&mismatched) {
                assert_eq!(calls(one), calls(other), "{manner}: {family}");
                assert_eq!(calls(lost), calls(other), "a block stops at the name, before its first call");
                assert_eq!((errors(one), errors(other)), ((0, 0), (0, 0)), "{manner}: {family}");
                let (missing, others) = errors(lost);
                assert!(missing >= 1 && others == 0, "{manner}: {family}: {missing} and {others}");
            }
            let words = |episodes: &[Episode]| -> u64 {
                episodes.iter().map(|episode| episode.trace.summary.token_usage.completion_tokens).sum()
            };
            assert!(words(&mismatched) > words(&persistent), "{manner}: {family}: recovering takes words");
            let copies = words(&reset) > words(&persistent);
            assert!(
                copies || family == "rule_diagnosis",
                "{manner}: a map is longer than a call of the helper"
            );
        }
    }
}

#[tokio::test]
async fn the_teacher_that_calls_tools_solves_the_tasks() {
    let setup = Setup::new().await;
    setup.play("native", "react", &[]);
    setup.play("text", "react", &[("agent_type: react", "agent_type: react\n    tool_calls: text")]);
    setup.play("few", "react", &[("max_tool_calls: 25", "max_tool_calls: 5")]);
    setup.play("reset", "reset", &[]);
    for family in ["knapsack", "navigation", "rule_diagnosis"] {
        let native = setup.episodes("native", "react", family);
        let text = setup.episodes("text", "react", family);
        let few = setup.episodes("few", "react", family);
        for (episodes, name) in [(&native, "native"), (&text, "text"), (&few, "few")] {
            check_played(episodes, family, name);
            for episode in episodes {
                assert_eq!(errors(episode), (0, 0), "{name}: {family}");
                let mut made = steps(&episode.trace).flat_map(|info| &info.tool_calls);
                assert!(made.all(|call| call.error.is_none()), "{name}: {family}");
            }
        }
        for (one, other) in native.iter().zip(&text) {
            assert_eq!(calls(one), calls(other), "{family}");
        }
    }
    // It inspects what the habits inspect, and both choose exactly.
    let of_calls = setup.episodes("native", "react", "knapsack");
    let of_code = setup.episodes("reset", "reset", "knapsack");
    for (one, other) in of_calls.iter().zip(&of_code) {
        assert_eq!(one.evaluation.metrics["agent_value"], other.evaluation.metrics["agent_value"]);
    }
}
