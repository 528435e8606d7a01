//! A whole study of the smallest size, from the experiment file to the report, by the programs' command
//! lines.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use proto::study::Study;
use tests::{program, root};

/// How long a stage of this size may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(900);

/// `study run` with an output folder of the test.
fn study(file: &Path, out: &Path) -> Command {
    // cargo builds the trainer for this test, next to the other programs.
    assert!(Path::new(env!("CARGO_BIN_EXE_trainer")).is_file());
    let mut command = Command::new(program("study"));
    command.arg("run").arg(file).arg("--out").arg(out).current_dir(root());
    command
}

fn succeed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    errors
}

/// A file that extends the smoke test, with the same name.
fn variant(folder: &Path, changes: &str) -> PathBuf {
    let path = folder.join("smoke.yaml");
    let smoke = root().join("experiments/smoke.yaml");
    fs::write(&path, format!("extends: {}\n{changes}", smoke.display())).unwrap();
    path
}

fn record(out: &Path) -> Study {
    files::read_json(&out.join("smoke/study.json")).unwrap()
}

/// Names of the stages that the last run did not reuse.
fn made(study: &Study) -> Vec<&str> {
    study.stages.iter().filter(|stage| !stage.reused).map(|stage| stage.name.as_str()).collect()
}

#[test]
fn a_study_runs_from_its_file_to_its_report_and_only_what_changes_runs_again() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("runs");
    let output = study(Path::new("experiments/smoke.yaml"), &out).output().unwrap();
    succeed(&output);
    assert!(!output.stdout.is_empty(), "the tables are what the command is for");

    let first = record(&out);
    let folder = out.join("smoke");
    assert_eq!((first.format.as_str(), first.name.as_str()), (proto::study::FORMAT, "smoke"));
    assert_eq!(made(&first).len(), first.stages.len());
    assert_eq!(first.programs.len(), 4);
    for stage in &first.stages {
        assert!(folder.join(&stage.folder).exists(), "{}", stage.name);
    }
    let models: Vec<(&str, &str)> =
        first.training.iter().map(|training| (training.model.as_str(), training.phase.as_str())).collect();
    assert_eq!(
        models,
        [("base", "spans"), ("base", "mixture"), ("persistent", ""), ("reset", ""), ("practised", "")]
    );
    for training in &first.training {
        assert!(folder.join(&training.folder).join("metrics.jsonl").is_file(), "{}", training.model);
    }
    let practised = first.training.last().unwrap();
    let metrics = fs::read_to_string(folder.join(&practised.folder).join("metrics.jsonl")).unwrap();
    assert_eq!(metrics.matches("\"rollouts\":4").count(), 2, "two steps of four episodes: {metrics}");
    assert_eq!(first.cells.len(), 6);
    for cell in &first.cells {
        let (run, name) = (folder.join(&cell.run), format!("{}_in_{}", cell.train, cell.runtime));
        let summary: proto::run::Summary =
            files::read_json(&run.join(format!("summary_{name}-knapsack.json"))).unwrap();
        assert_eq!(summary.num_tasks_executed, 2, "{name}");
    }
    assert!(folder.join("report").read_dir().unwrap().count() > 0);

    // A second run has nothing to do.
    let again = study(Path::new("experiments/smoke.yaml"), &out).output().unwrap();
    succeed(&again);
    assert_eq!(made(&record(&out)), [] as [&str; 0]);
    assert_eq!(again.stdout, output.stdout, "the tables are said again");

    // One setting of one adapter changes: that adapter, its cells and the report run again.
    let changed = variant(work.path(), "adapters: {reset: {learning_rate: 2.0e-3}}");
    succeed(&study(&changed, &out).output().unwrap());
    let cell = "seed1/cells/held-out/reset_in_";
    let expected = [
        "seed1/adapters/reset".to_owned(),
        format!("{cell}persistent"),
        format!("{cell}reset"),
        "report".to_owned(),
    ];
    assert_eq!(made(&record(&out)), expected);

    // A stage that was lost is rebuilt under the same key, and the report runs again.
    let lost = fs::canonicalize(folder.join(format!("{cell}reset"))).unwrap();
    fs::remove_dir_all(lost.parent().unwrap()).unwrap();
    succeed(&study(&changed, &out).output().unwrap());
    assert_eq!(made(&record(&out)), [&format!("{cell}reset"), "report"]);

    // A misspelt key of the last training is found before anything runs.
    let misspelt = variant(work.path(), "adapters: {reset: {learning_rat: 2.0e-3}}\nmodel: {init_std: 0.03}");
    let output = study(&misspelt, &out).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("seed1/adapters/reset") && errors.contains("learning_rat"), "{errors}");
    assert!(!errors.contains("[1/"), "{errors}");
    assert_eq!(record(&out).cells.len(), 6, "what was there before stays");
    assert!(folder.join("report/index.html").is_file());
}

fn terminate(child: &Child) {
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
}

/// The folder of the last phase's training, once steps are done in it.
fn training_under_way(out: &Path) -> PathBuf {
    let begun = Instant::now();
    loop {
        let stages = out.join("stages").read_dir().into_iter().flatten().flatten();
        let trains = stages.map(|entry| entry.path().join("model")).filter(|model| {
            let steps = fs::read_to_string(model.join("metrics.jsonl")).unwrap_or_default().lines().count();
            steps >= 2 && model.parent().unwrap().join("unfinished.json").exists()
        });
        if let Some(folder) = trains.into_iter().next() {
            return folder;
        }
        assert!(begun.elapsed() < PATIENCE, "no training got under way");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_interrupted_study_goes_on_where_it_was() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("runs");
    let changes = "base: {spans: null, mixture: {max_steps: 60}}\nadapters: {persistent: null, reset: null, practised: null}\n\
                   evaluation: {models: [base], runtimes: [reset]}";
    let file = variant(work.path(), changes);
    let mut running = study(&file, &out).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let folder = training_under_way(&out);

    // A second study may not write into the same folders at the same time.
    let second = study(&file, &out).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another study is running"));

    terminate(&running);
    assert_eq!(running.wait().unwrap().code(), Some(130));
    let checkpoint = folder
        .read_dir()
        .unwrap()
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("checkpoint-"));
    assert!(checkpoint && !folder.join("training.json").exists());

    let errors = succeed(&study(&file, &out).output().unwrap());
    assert!(errors.contains("train seed1/base/mixture, going on"), "{errors}");
    assert!(errors.contains("going on after step"), "{errors}");
    assert!(folder.join("training.json").exists());
    let record = record(&out);
    let reused: Vec<&str> =
        record.stages.iter().filter(|stage| stage.reused).map(|stage| stage.name.as_str()).collect();
    assert!(reused.contains(&"traces/reset") && reused.contains(&"seed1/base/fresh"), "{reused:?}");
}

/// `study serve` of the smoke test; it is killed when dropped.
struct Served {
    child: Child,
    base_url: String,
}

impl Served {
    fn start(out: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let mut child = Command::new(program("study"))
            .args(["serve", "experiments/smoke.yaml", "--port", &port, "--out"])
            .arg(out)
            .current_dir(root())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let ready = lines.find(|line| line.starts_with("serving base, reset at")).expect("it serves");
        let base_url = format!("http://127.0.0.1:{port}/v1");
        assert!(ready.contains(&base_url), "{ready}");
        Self { child, base_url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// Names of the links below a folder, sorted.
fn links(folder: &Path) -> Vec<String> {
    let names = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn parts_of_a_study_run_alone_and_play_on_a_server_that_runs_already() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("runs");
    let folder = out.join("smoke");
    let part = |file: &Path, more: &[&str]| {
        let output = study(file, &out).args(more).output().unwrap();
        succeed(&output)
    };
    let smoke = Path::new("experiments/smoke.yaml");
    let said = part(smoke, &["--only", "traces/*", "--only", "*/adapters/reset"]);
    assert_eq!(links(&folder.join("traces")), ["persistent", "recovering", "reset"]);
    assert_eq!(links(&folder.join("seed1/adapters")), ["reset"]);
    assert!(!said.contains("evaluate") && !folder.join("study.json").exists(), "{said}");

    let served = Served::start(&out);
    let url = served.base_url.as_str();
    let cells = ["--only", "*/cells/*/base_in_reset", "--only", "*/cells/*/reset_in_reset"];
    part(smoke, &[&cells[..], &["--inference", url]].concat());
    let played = folder.join("seed1/cells/held-out");
    assert_eq!(links(&played), ["base_in_reset", "reset_in_reset"]);
    for cell in links(&played) {
        let summary = played.join(&cell).join(format!("summary_{cell}-knapsack.json"));
        let summary: proto::run::Summary = files::read_json(&summary).unwrap();
        assert_eq!(summary.num_tasks_executed, 2, "{cell}");
    }
    let config = fs::read_to_string(played.join("reset_in_reset/config.yaml")).unwrap();
    assert!(config.contains("lora_path") && config.contains("backend: vllm"), "{config}");
    // What was made before keeps its name, also if it is not asked for.
    part(smoke, &["--only", "tasks/held-out"]);
    assert_eq!(links(&folder.join("traces")), ["persistent", "recovering", "reset"]);

    // A model on a server teaches.
    let llm = format!("{{backend: vllm, model: base, url: '{url}', max_tokens: 40}}");
    let taught = variant(work.path(), &format!("traces: {{reset: {{policy: null, llm: {llm}}}}}"));
    part(&taught, &["--only", "traces/reset"]);
    let summary = folder.join("traces/reset/summary_reset-knapsack.json");
    let summary: proto::run::Summary = files::read_json(&summary).unwrap();
    assert_eq!(summary.num_tasks_executed, 6);
}
