//! A whole run against a server that loses answers, refuses tasks or becomes unreachable: which files are
//! written, and how another start continues.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::proxy::Proxy;
use crate::support::{Fake, Setup};
use agent::config::{Backend, RunConfig};
use agent::run::{Error, Options, Report, execute};
use client::Retry;
use proto::interpreter_state::InterpreterState;
use proto::run::{EpisodeResult, Layout, Status, Summary, TaskStatus};
use proto::semantics::Semantics;
use proto::trace::{EventKind, Trace};
use tokio::sync::watch;

const CONFIG: &str = "
output_dir: OUT
run_name: trial
seed_start: 7
max_concurrent_runs: 2
task_families: [knapsack]
agents:
  - name: teacher
    agent_type: codeact
    persistent_state: true
    llm: {backend: scripted, model: persistent-habit}
";

/// Retries without the waiting.
const RETRY: Retry = Retry {
    attempts: 3,
    base: Duration::from_millis(1),
    max: Duration::from_millis(5),
    jitter: Duration::ZERO,
    deadline: Duration::from_secs(60),
};

fn options(fake: &Fake, folder: &Path) -> Options {
    Options {
        config: RunConfig::parse(&CONFIG.replace("OUT", folder.to_str().unwrap())).unwrap(),
        tasks_root: None,
        envs: vec![fake.url.clone()],
        max_examples: None,
        retry: RETRY,
    }
}

async fn run(options: Options) -> Result<Report, Error> {
    let (_keep, stop) = watch::channel(false);
    execute(options, stop).await
}

fn task_id(index: u64) -> String {
    format!("knapsack-{index:010}")
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_are_asked_for_again_and_every_step_runs_once() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 2, lost_steps: vec![0, 2], ..Setup::default() }).await;
    let report = run(options(&fake, folder.path())).await.unwrap();
    assert_eq!((report.failed(), report.lines[0].summary.num_tasks_executed), (0, 2));

    let layout = Layout::new(folder.path(), "trial");
    let mut steps = 0;
    for index in 0..2 {
        let trace: Trace = files::read_json(&layout.trace("teacher", "knapsack", &task_id(index))).unwrap();
        assert_eq!(trace.summary.finish_reason.as_deref(), Some("finish_tool"));
        steps += trace.summary.num_steps as usize;
    }
    let state = fake.state.lock().unwrap();
    assert_eq!((state.steps_run, state.replays), (steps, 4), "two answers of each episode were lost");
    assert_eq!((state.created.len(), state.open_episodes()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_under_a_call_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 3, ..Setup::default() }).await;
    let proxy = Proxy::start(&fake.url, 4, 1_000).await;
    let broken = Options {
        envs: vec![proxy.url.clone()],
        retry: Retry { attempts: 50, ..RETRY },
        ..options(&fake, folder.path())
    };
    let report = run(broken).await.unwrap();
    assert_eq!((report.failed(), report.lines[0].played), (0, 3));
    assert_eq!(proxy.resets.load(Ordering::Relaxed), 4, "the network did break");
    assert_eq!(fake.state.lock().unwrap().open_episodes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_comes_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 1, silent_steps: vec![1], ..Setup::default() }).await;
    let mut impatient = options(&fake, folder.path());
    impatient.config.agents[0].limits.wall_clock_per_step_s = Some(0.1);
    impatient.retry.deadline = Duration::from_millis(500);
    let report = run(impatient).await.unwrap();
    assert_eq!((report.failed(), report.lines[0].played), (0, 1));
    assert!(fake.state.lock().unwrap().replays >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 1, full: 20, ..Setup::default() }).await;
    let report = run(options(&fake, folder.path())).await.unwrap();
    assert_eq!((report.failed(), report.lines[0].played), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 50, ..Setup::default() }).await;
    let proxy = Proxy::start(&fake.url, 0, 0).await;
    let options = Options { envs: vec![proxy.url.clone()], ..options(&fake, folder.path()) };
    let running = tokio::spawn(run(options));
    fake.has_run(3).await;
    proxy.cut();
    let error = running.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("can't be reached") && error.contains("3 episodes in a row"), "{error}");
    let written = fs::read_dir(folder.path().join("trial/results/teacher/knapsack")).unwrap().count();
    assert!(written < 3 * 25, "{written} files: most episodes were never begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn episodes_are_closed_also_when_results_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 20, ..Setup::default() }).await;
    fs::create_dir_all(folder.path().join("trial/results")).unwrap();
    fs::write(folder.path().join("trial/results/teacher"), "a file where a folder should be").unwrap();
    let error = run(options(&fake, folder.path())).await.unwrap_err().to_string();
    assert!(error.contains("results/teacher"), "{error}");
    let state = fake.state.lock().unwrap();
    assert!(state.created.len() < 20, "{}", state.created.len());
    assert_eq!(state.open_episodes(), 0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_program_closes_its_episodes() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 50, ..Setup::default() }).await;
    let config = folder.path().join("config.yaml");
    fs::write(&config, CONFIG.replace("OUT", "/nowhere")).unwrap();
    let mut agent = tokio::process::Command::new(env!("CARGO_BIN_EXE_agent"))
        .arg("run")
        .arg("--config")
        .arg(&config)
        .args(["--env", &fake.url])
        .arg("--output-dir")
        .arg(folder.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    fake.has_run(3).await;
    let pid = agent.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(agent.wait().await.unwrap().code(), Some(130));
    assert_eq!(fake.state.lock().unwrap().open_episodes(), 0, "nothing is left open");
    assert!(folder.path().join("trial/config.yaml").exists(), "--output-dir says where results go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_reads_the_config_and_the_prompts() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let file = |name: &str, text: &str| fs::write(path(name), text).unwrap();
    for name in ["good", "bad"] {
        fs::create_dir(path(name)).unwrap();
    }
    file("good/task.txt", "Do: {{ goal }}\n{{ public }}");
    file("bad/task.txt", "Do: {{ goal }}");
    let naming_bad = format!("prompts: {}\n{CONFIG}", path("bad").display());
    file("plain.yaml", CONFIG);
    file("naming_bad.yaml", &naming_bad);
    file("misspelt.yaml", &naming_bad.replace("seed_start", "seed_strat"));
    let agent = async |config: &str, prompts: Option<&str>, check: bool| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_agent"));
        command.arg("run").arg("--config").arg(path(config)).current_dir(folder.path());
        command.args(prompts.iter().flat_map(|prompts| ["--prompts", prompts]));
        let output = command.args(check.then_some("--check")).output().await.unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    for (config, prompts) in
        [("plain.yaml", None), ("plain.yaml", Some("good")), ("naming_bad.yaml", Some("good"))]
    {
        assert_eq!(agent(config, prompts, true).await, (true, String::new()), "{config} {prompts:?}");
    }
    for (config, prompts, part) in [
        ("naming_bad.yaml", None, "bad/task.txt: does not show {{ public }}"),
        ("plain.yaml", Some("bad"), "bad/task.txt: does not show {{ public }}"),
        ("plain.yaml", Some("none"), "none"),
        ("misspelt.yaml", None, "did you mean seed_start?"),
    ] {
        let (success, checked) = agent(config, prompts, true).await;
        assert!(!success && checked.contains(part), "{checked}");
        assert_eq!(agent(config, prompts, false).await, (false, checked), "a run says the same");
    }
}

#[tokio::test]
async fn a_check_of_rollouts_reads_their_config() {
    let folder = tempfile::tempdir().unwrap();
    let rollouts = CONFIG.replace("scripted, model: persistent-habit", "inference, model: policy");
    let agent = "  - name: second\n    agent_type: codeact\n    persistent_state: false\n    llm: {backend: inference, model: policy}\n";
    for (config, part) in [
        (rollouts.clone(), ""),
        (CONFIG.to_owned(), "`agents[0].llm.backend` must be `inference`"),
        (format!("{rollouts}{agent}"), "`agents` has 2 agents"),
        (rollouts.replace("seed_start", "seed_strat"), "did you mean seed_start?"),
        (format!("prompts: nowhere\n{}", rollouts.trim_start()), "nowhere"),
    ] {
        let path = folder.path().join("rollouts.yaml");
        fs::write(&path, &config).unwrap();
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_agent"));
        command.args(["rollouts", "--check", "--config"]).arg(&path).current_dir(folder.path());
        let output = command.output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.success(), part.is_empty(), "{config}: {said}");
        assert!(said.contains(part) && said.is_empty() == part.is_empty(), "{config}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_those_of_the_papers_system() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 3, ..Setup::default() }).await;
    run(Options { max_examples: Some(2), ..options(&fake, folder.path()) }).await.unwrap();

    let root = folder.path().join("trial");
    let mut written: Vec<String> = fs::read_dir(root.join("results/teacher/knapsack"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort();
    let expected: Vec<String> = (0..2)
        .flat_map(|index| {
            ["json", "trace.html", "trace.json"].map(|end| format!("knapsack-knapsack-{index:010}.{end}"))
        })
        .collect();
    assert_eq!(written, expected);

    let used = RunConfig::parse(&fs::read_to_string(root.join("config.yaml")).unwrap()).unwrap();
    assert_eq!((used.task_set.as_deref(), used.agents[0].max_turns), (Some("fake"), 40));
    let summary: Summary = files::read_json(&root.join("summary_teacher-knapsack.json")).unwrap();
    assert_eq!(summary.num_tasks_executed, 2);
    assert!(summary.average_total_tokens > 1000.0 && summary.average_steps >= 4.0);
    assert!(summary.metrics["score"]["mean"].as_f64().unwrap() > 0.0);
    let statuses: TaskStatus = files::read_json(&root.join("task_status_teacher-knapsack.json")).unwrap();
    assert_eq!(statuses.into_values().collect::<Vec<_>>(), [Status::Completed; 2]);

    let trace: Trace =
        files::read_json(&root.join("results/teacher/knapsack/knapsack-knapsack-0000000000.trace.json"))
            .unwrap();
    let kinds: Vec<&str> = trace.events.iter().take(5).map(|event| name_of(&event.kind)).collect();
    assert_eq!(kinds, ["start", "prompts", "call", "response", "step"]);
    assert_eq!(name_of(&trace.events.last().unwrap().kind), "finish");
    assert_eq!(trace.summary.system_prompts.len(), 1);
    let provenance = trace.provenance.unwrap();
    assert_eq!(provenance.schema_version, "runtime_gym.trace.v1");
    assert_eq!((provenance.interpreter_state.as_str(), provenance.task_id), ("persistent", task_id(0)));
    assert_eq!(provenance.versions.env_server, "0.0.0-fake");
    assert_eq!(provenance.limits["tool_calls_per_step"], 25);
    assert!(provenance.seeds.policy < 1 << 53, "every reader of JSON gets the same seed");
    assert_eq!(provenance.agent["llm"]["model"], "persistent-habit");
    assert!(trace.summary.token_usage.estimated);
}

fn name_of(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::StartEvent { .. } => "start",
        EventKind::SystemPromptEvent { .. } => "prompts",
        EventKind::ModelCallEvent(_) => "call",
        EventKind::ModelResponseEvent(_) => "response",
        EventKind::StepEvent(_) => "step",
        EventKind::ErrorEvent { .. } => "error",
        EventKind::FinishEvent { .. } => "finish",
        EventKind::Other(_) => "other",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_plays_what_failed_or_is_missing_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 4, broken_tasks: vec![task_id(1)], ..Setup::default() }).await;
    let first = run(Options { max_examples: Some(3), ..options(&fake, folder.path()) }).await.unwrap();
    assert_eq!((first.failed(), first.lines[0].summary.num_tasks_executed), (1, 2), "the run goes on");
    let layout = Layout::new(folder.path(), "trial");
    let failed: EpisodeResult = files::read_json(&layout.result("teacher", "knapsack", &task_id(1))).unwrap();
    assert_eq!(failed.status, Status::Failed);
    assert!(failed.error.unwrap().contains("this task is broken"));

    fake.state.lock().unwrap().setup.broken_tasks.clear();
    let second = run(options(&fake, folder.path())).await.unwrap();
    assert_eq!((second.failed(), second.lines[0].summary.num_tasks_executed), (0, 4));
    assert_eq!((second.lines[0].played, second.lines[0].kept), (2, 2));
    let created = fake.state.lock().unwrap().created.clone();
    let tasks: Vec<String> = (0..4)
        .filter(|&index| created.iter().filter(|id| id.contains(&task_id(index))).count() == 1)
        .map(task_id)
        .collect();
    assert_eq!(tasks.len(), 4, "every task was played once: {created:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_covers_every_result_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 3, ..Setup::default() }).await;
    run(options(&fake, folder.path())).await.unwrap();
    let report = run(Options { max_examples: Some(1), ..options(&fake, folder.path()) }).await.unwrap();
    assert_eq!((report.lines[0].played, report.lines[0].kept), (0, 1));
    let layout = Layout::new(folder.path(), "trial");
    let summary: Summary = files::read_json(&layout.summary("teacher", "knapsack")).unwrap();
    assert_eq!(summary.num_tasks_executed, 3);
    let statuses: TaskStatus = files::read_json(&layout.task_status("teacher", "knapsack")).unwrap();
    assert_eq!(statuses.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_without_its_trace_is_played_again() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 3, ..Setup::default() }).await;
    run(options(&fake, folder.path())).await.unwrap();
    let layout = Layout::new(folder.path(), "trial");
    fs::remove_file(layout.trace("teacher", "knapsack", &task_id(0))).unwrap();
    fs::write(layout.trace("teacher", "knapsack", &task_id(1)), "{").unwrap();
    let report = run(options(&fake, folder.path())).await.unwrap();
    assert_eq!((report.lines[0].played, report.lines[0].kept), (2, 1));
    assert_eq!(report.lines[0].summary.num_tasks_executed, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_of_other_tasks_under_the_same_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 1, ..Setup::default() }).await;
    run(options(&fake, folder.path())).await.unwrap();
    fake.state.lock().unwrap().setup.first_seed = 900;
    let error = run(options(&fake, folder.path())).await.unwrap_err().to_string();
    for part in ["knapsack-0000000000.trace.json", "task digest 0", "has 900", "--output-dir"] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_results_of_another_version_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 2, ..Setup::default() }).await;
    let config = folder.path().join("config.yaml");
    fs::write(&config, CONFIG.replace("OUT", folder.path().to_str().unwrap())).unwrap();
    let said = async || {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_agent"));
        command.arg("run").arg("--config").arg(&config).args(["--env", &fake.url]);
        String::from_utf8(command.output().await.unwrap().stderr).unwrap()
    };
    assert!(said().await.contains("2 played now, 0 kept"));
    let again = said().await;
    assert!(again.contains("0 played now, 2 kept") && !again.contains("warning"), "{again}");
    fake.state.lock().unwrap().setup.commit = "abc".into();
    let warned = said().await;
    assert!(warned.contains("warning: 2 kept results") && warned.contains("(env-server)"), "{warned}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_another_config_is_refused_and_the_key_named() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 1, ..Setup::default() }).await;
    run(options(&fake, folder.path())).await.unwrap();

    let mut changed = options(&fake, folder.path());
    changed.config.max_concurrent_runs = 1; // says nothing of what is measured
    run(changed).await.unwrap();
    let mut changed = options(&fake, folder.path());
    changed.config.agents[0].interpreter_state = InterpreterState::Reset;
    let error = run(changed).await.unwrap_err().to_string();
    assert!(error.contains("`agents[0].persistent_state` was true, now it is false"), "{error}");
    let mut changed = options(&fake, folder.path());
    changed.config.agents[0].semantics = Semantics::Notebook;
    let error = run(changed).await.unwrap_err().to_string();
    assert!(
        error.contains("`agents[0].semantics` was") && error.contains("now it is \"notebook\""),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_an_earlier_version_with_keys_that_were_removed_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 1, ..Setup::default() }).await;
    run(options(&fake, folder.path())).await.unwrap();
    let path = folder.path().join("trial/config.yaml");
    let written = fs::read_to_string(&path).unwrap();
    let earlier = format!(
        "cache_db_path: cache.sqlite\n{}    cache_enabled: false\n",
        written.trim_end().to_owned() + "\n"
    );
    fs::write(&path, earlier).unwrap();

    let report = run(options(&fake, folder.path())).await.unwrap();
    assert_eq!((report.lines[0].played, report.lines[0].kept), (0, 1));
    assert_eq!(fs::read_to_string(&path).unwrap(), written, "the removed keys are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_closes_its_episodes_and_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup { tasks: 24, ..Setup::default() }).await;
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(execute(options(&fake, folder.path()), stopped));
    fake.has_run(3).await;
    stop.send_replace(true);
    let report = running.await.unwrap().unwrap();
    assert!(report.interrupted && report.lines[0].left > 0);
    assert_eq!(report.failed(), 0);
    assert_eq!(fake.state.lock().unwrap().open_episodes(), 0, "nothing is left open");

    let report = run(options(&fake, folder.path())).await.unwrap();
    assert_eq!((report.lines[0].summary.num_tasks_executed, report.interrupted), (24, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_ends_before_any_episode() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(Setup::default()).await;

    let mut other_family = options(&fake, folder.path());
    other_family.config.task_families = vec!["chess".into()];
    let error = run(other_family).await.unwrap_err().to_string();
    for part in ["agents[0].llm", "`chess`", "knapsack, navigation, rule_diagnosis"] {
        assert!(error.contains(part), "{error}");
    }

    let mut other_set = options(&fake, folder.path());
    other_set.config.task_set = Some("easy".into());
    let error = run(other_set).await.unwrap_err().to_string();
    assert!(error.contains("`easy`") && error.contains("it offers: fake"), "{error}");

    fake.state.lock().unwrap().setup.tasks = 0;
    let error = run(options(&fake, folder.path())).await.unwrap_err().to_string();
    assert!(error.contains("no task of the family `knapsack`"), "{error}");
    assert!(!folder.path().join("trial/config.yaml").exists(), "the folder is still free for another config");

    let blocked = folder.path().join("file");
    fs::write(&blocked, "").unwrap();
    let error = run(options(&fake, &blocked)).await.unwrap_err().to_string();
    assert!(error.contains("can't write into the run folder") && error.contains("output_dir"), "{error}");

    let nobody = Options { envs: vec!["http://127.0.0.1:1".into()], ..options(&fake, folder.path()) };
    let error = run(nobody).await.unwrap_err().to_string();
    assert!(error.contains("http://127.0.0.1:1"), "{error}");

    let mut served = options(&fake, folder.path());
    served.config.agents[0].llm.backend = Some(Backend::Inference);
    let error = run(served.clone()).await.unwrap_err().to_string();
    assert!(error.contains("`agents[0].llm`") && error.contains("--inference URL"), "{error}");
    served.config.set_inference(&["http://127.0.0.1:1".to_owned()]);
    let error = run(served).await.unwrap_err().to_string();
    assert!(error.contains("no inference server answers at http://127.0.0.1:1"), "{error}");

    assert!(fake.state.lock().unwrap().created.is_empty());
}
