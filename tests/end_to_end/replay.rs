//! Recorded runs are replayed: everything is verified, and whatever was changed in a trace is found.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tests::{EnvServer, program, root};

/// Fuel with which some steps of the persistent habit come to their end, and others do not.
const SCARCE_FUEL: u64 = 3_000_000;

/// A task set, and runs on it.
struct Recorded {
    folder: tempfile::TempDir,
}

/// What a replay answered.
struct Answer {
    output: Output,
    stdout: String,
}

fn succeed(name: &str, arguments: &[&str]) {
    let output = Command::new(program(name)).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl Recorded {
    fn new() -> Self {
        let recorded = Self { folder: tempfile::tempdir().unwrap() };
        recorded.generate("tasks", "task_configs/families.json");
        recorded
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn generate(&self, name: &str, config: &str) {
        succeed("env-server", &["generate", "--config", config, "--out", text(&self.path(name))]);
    }

    /// Plays two tasks of every family by a config of `agent_configs/families`, with more keys of the agent.
    fn play(&self, config: &str, more: &str) -> PathBuf {
        let agent = fs::read_to_string(root().join(format!("agent_configs/families/{config}.yaml"))).unwrap();
        let changed = agent.replace("max_turns: 40", &format!("max_turns: 40\n{more}"));
        assert!(more.is_empty() || changed != agent, "{agent}");
        let path = self.path(&format!("{config}.yaml"));
        fs::write(&path, changed).unwrap();
        succeed(
            "agent",
            &["run", "--config", text(&path), "--tasks-root", text(&self.path("tasks")), "--output-dir"]
                .into_iter()
                .chain([text(&self.path("runs")), "--max-examples", "2"])
                .collect::<Vec<_>>(),
        );
        self.path("runs").join(config)
    }

    fn replay(&self, tasks: &str, arguments: &[&str]) -> Answer {
        let output = Command::new(program("env-server"))
            .args(["replay", "--tasks", text(&self.path(tasks))])
            .args(arguments)
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout.clone()).unwrap();
        Answer { output, stdout }
    }

    /// Copies a trace and its result file into a folder of their own, with one of the two changed.
    fn changed(&self, name: &str, trace: &Path, change: impl Fn(&mut Value, &mut Value)) -> PathBuf {
        let result = PathBuf::from(text(trace).replace(".trace.json", ".json"));
        let mut contents: (Value, Value) =
            (files::read_json(trace).unwrap(), files::read_json(&result).unwrap());
        change(&mut contents.0, &mut contents.1);
        let folder = self.path(name);
        for (path, content) in [(trace, &contents.0), (&result, &contents.1)] {
            files::write_json(&folder.join(path.file_name().unwrap()), content).unwrap();
        }
        folder
    }
}

impl Answer {
    fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// The objects that `--json` prints.
    fn objects(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The paths of the traces below a folder, sorted.
fn traces(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(traces(&path));
        } else if text(&path).ends_with(".trace.json") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The turns of a trace that took a step.
fn steps(trace: &mut Value) -> Vec<&mut Value> {
    let events = trace["events"].as_array_mut().unwrap().iter_mut();
    let turns = events.filter(|event| event["type"] == "StepEvent").map(|event| &mut event["data"]);
    turns.filter(|turn| turn["info"].is_object()).collect()
}

/// Adds a byte to a text.
fn longer(text: &mut Value) {
    *text = json!(text.as_str().unwrap().to_owned() + "x");
}

#[test]
fn every_way_of_acting_is_verified_in_both_regimes() {
    let recorded = Recorded::new();
    recorded.play("persistent", "    state_loss: 0.3");
    recorded.play("reset", "    semantics: notebook");
    recorded.play("react", "    max_total_tokens: 20000");
    let runs = recorded.path("runs");
    let answer = recorded.replay("tasks", &[text(&runs)]);
    assert_eq!(answer.code(), Some(0), "{} {:?}", answer.stdout, answer.output);
    assert!(
        answer.stdout.starts_with("traces: 18 verified, 0 different, 0 unreadable\n"),
        "{}",
        answer.stdout
    );
    assert!(!answer.stdout.contains("evaluation"), "{}", answer.stdout);

    let one = recorded.replay("tasks", &[text(&runs), "--json", "--jobs", "1"]);
    let objects = one.objects();
    assert_eq!((one.code(), objects.len()), (Some(0), 18));
    for (object, path) in objects.iter().zip(traces(&runs)) {
        assert_eq!((&object["trace"], &object["status"]), (&json!(path), &json!("verified")));
        assert!(object["steps"].as_u64().unwrap() > 0, "{object}");
        assert_eq!((&object["verified"], &object["evaluated"]), (&object["steps"], &json!(true)));
    }

    let archive = recorded.path("runs.tar.gz");
    let tar = Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(&runs).arg(".").status().unwrap();
    assert!(tar.success());
    let packed = recorded.replay("tasks", &[text(&archive)]);
    assert_eq!((packed.code(), packed.stdout), (Some(0), answer.stdout));
}

#[test]
fn steps_without_fuel_are_run_again() {
    let recorded = Recorded::new();
    let limits = format!("    state_loss: 0.2\n    limits:\n      fuel_per_step: {SCARCE_FUEL}");
    let run = recorded.play("persistent", &limits);
    let mut killed = 0;
    for trace in traces(&run) {
        let mut trace: Value = files::read_json(&trace).unwrap();
        killed += steps(&mut trace).iter().filter(|turn| turn["info"]["error_kind"] == "fuel").count();
    }
    let answer = recorded.replay("tasks", &[text(&run)]);
    assert!(killed > 0 && answer.code() == Some(0), "{killed} steps ran out of fuel: {}", answer.stdout);
    assert!(answer.stdout.contains(" 0 taken as recorded"), "{}", answer.stdout);
}

/// Blocks of a person. The third never ends by itself, and the fifth ends its interpreter.
const BLOCKS: &str = r#"
import random, sys, time

ids = json.loads(list_items()); x = [random.random()]; print(x, time.time())

inspect(ids[0]); y = 5
while True: pass

print(x, random.random(), time.time(), 'y' in globals()); print("told", file=sys.stderr)

import os; inspect(item_id=ids[1]); os._exit(1)

print('a\x1b[31m' * 100000)

print({1, 2}); inspect((1, 2))

inspect({1, 2})

1 / 0

x = (1,]

print(inspect(ids[1])); take_item(ids[1]); print(x)

finish()

"#;

#[tokio::test]
async fn what_the_machine_decided_is_taken_as_recorded() {
    let recorded = Recorded::new();
    let server = EnvServer::start(&[&recorded.path("tasks")], &["--wall-clock-per-step", "1"]).await;
    let played = recorded.path("played");
    let mut person = Command::new(program("agent"))
        .args(["chat", "--env", &server.url, "--family", "knapsack", "--out", text(&played)])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    person.stdin.take().unwrap().write_all(BLOCKS.as_bytes()).unwrap();
    assert!(person.wait().unwrap().success());

    let trace = &traces(&played)[0];
    let mut content: Value = files::read_json(trace).unwrap();
    let kinds: Vec<Value> =
        steps(&mut content).iter().map(|turn| turn["info"]["error_kind"].clone()).collect();
    assert_eq!((kinds.len(), &kinds[2], &kinds[4]), (12, &json!("wall_clock"), &json!("crash")), "{kinds:?}");
    let answer = recorded.replay("tasks", &[text(&played), "--json"]);
    let object = &answer.objects()[0];
    let counts = ["status", "verified", "as_recorded"].map(|key| &object[key]);
    assert_eq!(counts, [&json!("verified"), &json!(10), &json!(2)], "{object}");
    assert_eq!(answer.code(), Some(0));

    // What they left is verified all the same: what the tools answered, and what the step cost the task.
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 2] = [
        ("info.tool_calls[0].result", |info| longer(&mut info["tool_calls"][0]["result"])),
        ("info.budget_left.inspect", |info| info["budget_left"]["inspect"] = json!(1000)),
    ];
    for (number, (field, change)) in changes.into_iter().enumerate() {
        let changed = |trace: &mut Value, _: &mut Value| change(&mut steps(trace)[2]["info"]);
        let folder = recorded.changed(&format!("left-{number}"), trace, changed);
        let answer = recorded.replay("tasks", &[text(&folder)]);
        assert!(answer.stdout.contains(&format!("step 2 (turn 2): {field} differs")), "{}", answer.stdout);
    }
}

#[test]
fn whatever_differs_is_named() {
    let recorded = Recorded::new();
    let code = traces(&recorded.play("persistent", ""));
    let (code, calls) = (&code[0], &traces(&recorded.play("react", ""))[0]);
    let mut original: Value = files::read_json(code).unwrap();
    let last = steps(&mut original).len() - 1;
    type Change = fn(&mut Value, &mut Value);
    let changes: [(&Path, u64, &str, Change); 10] = [
        (code, 0, "interpreter_result.output", |trace, _| {
            longer(&mut steps(trace)[0]["interpreter_result"]["output"]);
        }),
        (code, 1, "info.fuel_used", |trace, _| {
            let used = &mut steps(trace)[1]["info"]["fuel_used"];
            *used = json!(used.as_u64().unwrap() + 1);
        }),
        (code, 1, "info.globals[0]", |trace, _| longer(&mut steps(trace)[1]["info"]["globals"][0])),
        (code, 0, "info.definitions[0].digest", |trace, _| {
            longer(&mut steps(trace)[0]["info"]["definitions"][0]["digest"]);
        }),
        (code, 0, "info.tool_calls[0].result", |trace, _| {
            longer(&mut steps(trace)[0]["info"]["tool_calls"][0]["result"]);
        }),
        (code, 0, "info.budget_left.inspect", |trace, _| {
            steps(trace)[0]["info"]["budget_left"]["inspect"] = json!(1000);
        }),
        (code, 0, "info.state_lost", |trace, _| steps(trace)[0]["info"]["state_lost"] = json!(true)),
        (calls, 0, "results[0].output", |trace, _| longer(&mut steps(trace)[0]["results"][0]["output"])),
        (calls, 0, "info.tool_calls[0].arguments", |trace, _| {
            steps(trace)[0]["info"]["tool_calls"][0]["arguments"] = json!([]);
        }),
        (calls, 0, "info.exception_type", |trace, _| {
            steps(trace)[0]["info"]["exception_type"] = json!("KeyError");
        }),
    ];
    for (number, (trace, step, field, change)) in changes.into_iter().enumerate() {
        let folder = recorded.changed(&format!("changed-{number}"), trace, change);
        let answer = recorded.replay("tasks", &[text(&folder)]);
        assert_eq!(answer.code(), Some(1), "{field}: {}", answer.stdout);
        let named =
            format!(".trace.json: step {step} (turn {step}): {field} differs\n--- recorded\n+++ replayed\n");
        assert!(answer.stdout.contains(&named), "{field}: {}", answer.stdout);
        assert!(answer.stdout.contains("traces: 0 verified, 1 different"), "{}", answer.stdout);
    }

    // What is of the episode.
    let folder = recorded.changed("score", code, |_, result| result["result"]["score"] = json!(0.123));
    let answer = recorded.replay("tasks", &[text(&folder)]);
    assert!(answer.stdout.contains(".trace.json: evaluation.score differs\n"), "{}", answer.stdout);
    let folder =
        recorded.changed("end", code, |trace, _| trace["summary"]["finish_reason"] = json!("timeout"));
    let object = &recorded.replay("tasks", &[text(&folder), "--json"]).objects()[0];
    let difference =
        json!({"step": last, "turn": last, "field": "terminated", "recorded": false, "replayed": true});
    assert_eq!((&object["difference"], &object["status"]), (&difference, &json!("different")));
}

#[test]
fn what_cannot_be_replayed_is_told_and_the_others_go_on() {
    let recorded = Recorded::new();
    let run = recorded.play("persistent", "");
    let trace = &traces(&run)[0];
    type Change = fn(&mut Value, &mut Value);
    let changes: [(&str, Change); 10] = [
        ("provenance", |trace, _| trace["provenance"] = Value::Null),
        ("provenance.schema_version", |trace, _| trace["provenance"]["schema_version"] = json!("v9")),
        ("provenance.seeds.episode", |trace, _| trace["provenance"]["seeds"]["episode"] = json!("7")),
        ("provenance.interpreter_state", |trace, _| trace["provenance"]["interpreter_state"] = json!("")),
        ("provenance.state_loss", |trace, _| trace["provenance"]["state_loss"] = json!(1.5)),
        ("provenance.limits.fuel_per_step", |trace, _| {
            trace["provenance"]["limits"]["fuel_per_step"] = json!(u64::MAX);
        }),
        ("provenance.task_sha256", |trace, _| trace["provenance"]["task_sha256"] = json!("00")),
        ("provenance.versions.interpreter_sha256", |trace, _| {
            trace["provenance"]["versions"]["interpreter_sha256"] = json!("00");
        }),
        ("events[4].data.info.globals[0]", |trace, _| {
            assert_eq!(trace["events"][4]["type"], "StepEvent");
            trace["events"][4]["data"]["info"]["globals"][0] = json!(5);
        }),
        ("summary.num_steps", |trace, _| {
            trace["events"].as_array_mut().unwrap().remove(4);
            let rest = trace["events"].as_array_mut().unwrap();
            rest.retain(|event| event["type"] != "StepEvent");
        }),
    ];
    let mut folders: Vec<PathBuf> = Vec::new();
    for (number, (_, change)) in changes.iter().enumerate() {
        folders.push(recorded.changed(&format!("bad-{number}"), trace, change));
    }
    let whole = fs::read(trace).unwrap();
    let (cut, other) = (recorded.path("cut.json"), recorded.path("other.json"));
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    fs::write(&other, "{\"status\": \"completed\"}").unwrap();
    let missing = recorded.path("missing.json");
    let arguments: Vec<&str> = folders
        .iter()
        .chain([&cut, &other, &missing, &run])
        .map(|path| text(path))
        .chain(["--json"])
        .collect();
    let answer = recorded.replay("tasks", &arguments);
    assert_eq!(answer.code(), Some(1));
    let objects = answer.objects();
    for (object, (field, _)) in objects.iter().zip(&changes) {
        assert_eq!((&object["status"], &object["field"]), (&json!("unreadable"), &json!(field)), "{object}");
    }
    let rest = &objects[changes.len()..];
    for (object, said) in rest.iter().zip(["EOF", "missing field `summary`", "missing.json"]) {
        assert!(object["error"].as_str().unwrap().contains(said), "{object}");
    }
    let good = &rest[3..];
    assert!(good.len() == 6 && good.iter().all(|object| object["status"] == "verified"), "{good:?}");

    // Another interpreter is allowed with a warning, once.
    let twice = [text(&folders[7]), text(&folders[7]), "--any-interpreter"];
    let answer = recorded.replay("tasks", &twice);
    let stderr = String::from_utf8_lossy(&answer.output.stderr);
    assert_eq!((answer.code(), stderr.matches("another interpreter").count()), (Some(0), 1), "{stderr}");

    // Other tasks have the same ids.
    recorded.generate("others", "task_configs/tiny.json");
    let answer = recorded.replay("others", &[text(&run)]);
    assert_eq!(answer.code(), Some(1));
    for said in ["provenance.task_sha256: is ", "provenance.task_id: no task `navigation-0000000000`"] {
        assert!(answer.stdout.contains(said), "{}", answer.stdout);
    }
    let empty = recorded.replay("tasks", &[text(&recorded.path("tasks"))]);
    assert!(empty.code() == Some(1) && empty.stdout.contains("holds no trace"), "{}", empty.stdout);
}
