//! `agent chat` through a pipe, on a real environment server: what is typed, what is shown, and which files are left.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proto::run::{EpisodeResult, Layout};
use proto::trace::Trace;

const AGENT: &str = env!("CARGO_BIN_EXE_agent");

const CONFIG: &str = "
output_dir: unused
run_name: watched
task_families: [knapsack]
agents:
  - {name: one, agent_type: codeact, persistent_state: false, llm: {backend: scripted, model: persistent-habit}}
  - {name: two, agent_type: react, persistent_state: false, llm: {backend: scripted, model: react}}
";

/// A folder with tasks, made by the program beside the agent.
struct Tasks(tempfile::TempDir);

impl Tasks {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let made = Command::new(Path::new(AGENT).with_file_name("env-server"))
            .arg("generate")
            .arg("--config")
            .arg(root.join("task_configs/tiny.json"))
            .arg("--out")
            .arg(folder.path().join("tasks"))
            .output()
            .expect("env-server is built beside the agent");
        assert!(made.status.success(), "{made:?}");
        std::fs::write(folder.path().join("config.yaml"), CONFIG).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Plays with these arguments and this input.
    fn chat(&self, arguments: &[&str], input: &str) -> Output {
        let mut process = Command::new(AGENT)
            .arg("chat")
            .arg("--tasks-root")
            .arg(self.path("tasks"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that refuses its arguments does not read.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
        process.wait_with_output().unwrap()
    }
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

fn check(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn a_person_plays_with_an_interpreter_that_keeps_its_state() {
    let tasks = Tasks::new();
    let out = tasks.path("mine");
    let input = ":help\n:nonsense\n\nids = json.loads(list_items())\n\nfor i in ids[:2]:\n    print(inspect(i))\n\nx = (\n\n\
                 finish()\n";
    let output = tasks.chat(&["--out", out.to_str().unwrap()], input);
    let (shown, errors) = said(&output);
    assert!(output.status.success(), "{shown}\n{errors}");
    check(
        &shown,
        &[
            "persistent interpreter, played by person",
            "- inspect(item_id: str) -> str:",
            ":quit   ends the episode",
            "there is no `:nonsense`",
            "names: +ids",
            "{\"class\":",
            "names: +i ids",
            "turns 2 of 40",
            "inspect ",
            "SyntaxError",
            "Not solved: score",
        ],
    );
    assert!(!shown.contains('\u{1b}'), "a pipe gets no colours: {shown}");
    check(&errors, &["page: ", ".trace.html"]);

    let layout = Layout { root: out.clone() };
    let id = shown.split(':').next().unwrap();
    let trace: Trace = files::read_json(&layout.trace("person-persistent", "knapsack", id)).unwrap();
    assert_eq!((trace.summary.num_steps, trace.summary.finish_reason.as_deref()), (4, Some("finish_tool")));
    assert!(trace.summary.system_prompts[0].starts_with("You play the task yourself"));
    let last = trace.steps().last().unwrap().info.clone().unwrap();
    assert!(last.budget_left["inspect"] >= 0, "the task's budgets are recorded");
    let result: EpisodeResult =
        files::read_json(&layout.result("person-persistent", "knapsack", id)).unwrap();
    assert!(result.result.is_some());
    assert!(layout.trace_html("person-persistent", "knapsack", id).is_file());

    let again = tasks.chat(&["--out", out.to_str().unwrap()], "finish()\n");
    assert_eq!(again.status.code(), Some(1));
    check(&said(&again).1, &["--out: ", "is there already"]);
}

#[test]
fn a_person_plays_with_an_interpreter_that_is_reset_and_leaves() {
    let tasks = Tasks::new();
    let output = tasks.chat(&["--reset"], "best = 1\n\nprint(best)\n\n:quit\nprint('not run')\n");
    let (shown, errors) = said(&output);
    assert!(output.status.success(), "an episode that is left is evaluated: {shown}\n{errors}");
    check(
        &shown,
        &[
            "reset interpreter",
            "names at its end: +best; the reset takes them away",
            "NameError: name 'best' is not defined",
            "`best` was bound in turn 1; the reset after that step took it away.",
            "Not solved: score",
        ],
    );
    assert!(!shown.contains("turn 3"), "{shown}");
}

#[test]
fn an_episode_without_input_ends() {
    let tasks = Tasks::new();
    let output = tasks.chat(&[], "");
    let (shown, errors) = said(&output);
    assert!(output.status.success(), "{shown}\n{errors}");
    check(&shown, &["Not solved: score 0.0 %"]);
    assert!(!shown.contains("turn 1"), "{shown}");
}

#[test]
fn agents_of_a_config_are_watched() {
    let tasks = Tasks::new();
    let config = tasks.path("config.yaml");
    let config = config.to_str().unwrap();
    let output = tasks.chat(&["--config", config, "--agent", "one"], "");
    let (shown, errors) = said(&output);
    assert!(output.status.success(), "{shown}\n{errors}");
    check(
        &shown,
        &["played by persistent-habit", "tokens sent", "NameError", "was bound in turn 1", "score"],
    );
    let output = tasks.chat(&["--config", config, "--agent", "two"], "");
    check(&said(&output).0, &["inspect(item_id=\"", ") -> {\"class\":"]);
}

#[test]
fn what_cannot_be_played_is_named() {
    let tasks = Tasks::new();
    let config = tasks.path("config.yaml");
    let config = config.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 7] = [
        (
            &["--task", "no-such"],
            1,
            "--task: the task set `tiny` has no task `no-such`; its tasks have ids such as `",
        ),
        (&["--family", "chess"], 1, "family: must be one of"),
        (&["--config", config], 1, "the config has several agents (one, two): name one with --agent"),
        (&["--config", config, "--agent", "three"], 1, "has no agent `three`; it has: one, two"),
        (&["--config", config, "--reset"], 2, "--reset"),
        (&["--agent", "one"], 2, "--config"),
        (&["--max-turns", "0"], 2, "--max-turns"),
    ];
    for (arguments, code, part) in cases {
        let output = tasks.chat(arguments, "");
        let (_, errors) = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        check(&errors, &[part]);
    }
}
