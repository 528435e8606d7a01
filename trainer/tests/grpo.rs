//! `trainer grpo` as a program, with the agent and an environment server: a very small model learns from episodes which of its
//! habits is rewarded, also from forks, and an interrupted training gives the same weights.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use acting::prompts::Prompts;
use agent::config::RunConfig;
use agent::episode::{Assignment, Player};
use agent::model::{Completion, Error, GenerateRequest, Model, estimate_usage};
use client::{Environments, Retry};
use proto::trace::Versions;
use proto::training::{Line, Played, Values};
use tests::{EnvServer, program};

/// Tasks, of which the first ones are played for the base's data.
const TASKS: usize = 24;
const TAUGHT: usize = 6;

/// The first turn of every episode.
const LOOK: &str = "```python\nimport json\nitems = json.loads(list_items())\n```";
/// What the base has learnt to do next, each as often as the others. Only the first is rewarded.
const HABITS: [&str; 3] = [
    "```python\nfor item in items:\n    try:\n        take_item(item)\n    except Exception:\n        pass\nfinish()\n```",
    "```python\nfinish()\n```",
    "```python\nprint(item)\n```",
];

/// A model that gives prepared answers in order.
#[derive(Debug)]
struct Canned {
    answers: [&'static str; 2],
    given: AtomicUsize,
}

#[tonic::async_trait]
impl Model for Canned {
    fn name(&self) -> &str {
        "canned"
    }

    async fn generate(&self, request: &GenerateRequest) -> Result<Completion, Error> {
        let text = self.answers[self.given.fetch_add(1, Ordering::Relaxed)];
        let usage = estimate_usage(&request.messages, text);
        Ok(Completion { text: text.to_owned(), usage, ..Completion::default() })
    }
}

/// A folder with tasks, an agent's config and a base that has all habits.
struct Work {
    folder: tempfile::TempDir,
}

/// The one of this process: making it takes most of the time.
fn work() -> &'static Work {
    static WORK: OnceLock<Work> = OnceLock::new();
    WORK.get_or_init(Work::new)
}

fn succeed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    errors
}

fn trainer(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.args(arguments);
    command
}

impl Work {
    fn new() -> Self {
        let work = Self { folder: tempfile::tempdir().unwrap() };
        let tasks = format!(
            "{{\"out_dir\": \"x\", \"run_name\": \"few\", \"seed_start\": 77000000, \"knapsack\": {{\"num_tasks\": {TASKS}, \
             \"n_items_range\": [5, 6], \"weight_range\": [5, 9], \"value_range\": [21, 40], \"classes\": [\"A\"], \
             \"num_allowed_classes\": 1, \"capacity_ratio_range\": [0.7, 0.8]}}}}"
        );
        fs::write(work.path("tasks.json"), tasks).unwrap();
        let mut generate = Command::new(program("env-server"));
        generate
            .arg("generate")
            .arg("--config")
            .arg(work.path("tasks.json"))
            .arg("--out")
            .arg(work.path("tasks"));
        succeed(&generate.output().unwrap());
        let agent = "{output_dir: o, run_name: r, task_families: [knapsack], agents: [{name: a, agent_type: codeact, \
                     persistent_state: true, max_turns: 2, prompt: {detail: brief, runtime: hidden, hide_names: true, \
                     observation: compact}, llm: {backend: inference, model: policy}}]}";
        fs::write(work.path("agent.yaml"), agent).unwrap();
        work.play_habits();

        let text = |name: &str| work.path(name).to_str().unwrap().to_owned();
        let sizes = [
            "--vocab-size",
            "560",
            "--hidden-size",
            "64",
            "--layers",
            "2",
            "--heads",
            "2",
            "--context-length",
            "1024",
        ];
        let init = ["init", "--traces", &text("traces"), "--out", &text("fresh")];
        succeed(&trainer(&[&init[..], &sizes].concat()).output().unwrap());
        let prepare = [
            "prepare",
            "--model",
            &text("fresh"),
            "--traces",
            &text("traces"),
            "--sequence-len",
            "1024",
            "--out",
            &text("data"),
        ];
        succeed(&trainer(&prepare).output().unwrap());
        let config = format!(
            "base_model: {}\ndatasets: [{{path: {}}}]\noutput_dir: {}\nsequence_len: 1024\nmicro_batch_size: 9\nmax_steps: 80\n\
             optimizer: muon\nlearning_rate: 1.0e-2\nwarmup_steps: 5\nlr_scheduler: linear\nsave_steps: 1000\n",
            text("fresh"),
            text("data"),
            text("base")
        );
        fs::write(work.path("base.yaml"), config).unwrap();
        succeed(&trainer(&["train", "--threads", "1", "--config", &text("base.yaml")]).output().unwrap());
        work
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Plays the first tasks with each habit, and writes the traces.
    #[tokio::main]
    async fn play_habits(&self) {
        let server = EnvServer::start(&[&self.path("tasks")], &[]).await;
        let environments =
            Environments::connect(std::slice::from_ref(&server.url), Retry::default()).await.unwrap();
        let mut config = RunConfig::parse(&fs::read_to_string(self.path("agent.yaml")).unwrap()).unwrap();
        let player = Player {
            agent: config.agents.remove(0),
            model: Arc::new(Canned { answers: [LOOK; 2], given: AtomicUsize::new(0) }),
            prompts: Arc::new(Prompts::read(None).unwrap()),
            environments: environments.clone(),
            watcher: None,
        };
        let (_keep, stop) = tokio::sync::watch::channel(false);
        fs::create_dir(self.path("traces")).unwrap();
        for (number, task) in
            environments.tasks("few", "knapsack", TAUGHT).await.unwrap().into_iter().enumerate()
        {
            for (habit, answer) in HABITS.into_iter().enumerate() {
                let model = Arc::new(Canned { answers: [LOOK, answer], given: AtomicUsize::new(0) });
                let name = format!("{number}-{habit}");
                let assignment = Assignment {
                    task: task.clone(),
                    episode_id: name.clone(),
                    policy_seed: 0,
                    versions: Versions::default(),
                };
                let outcome = Player { model, ..player.clone() }.play(&assignment, stop.clone()).await;
                let evaluation = outcome.evaluation.unwrap();
                assert_eq!(evaluation.score > 0.3, habit == 0, "{}", evaluation.score);
                files::write_json(&self.path("traces").join(format!("{name}.trace.json")), &outcome.trace)
                    .unwrap();
            }
        }
    }

    /// The command of a training with these lines, in whose output folder nothing is yet.
    fn command(&self, name: &str, lines: &str) -> Command {
        let path = self.path(&format!("{name}.yaml"));
        let text = format!(
            "base_model: {}\noutput_dir: {}\nrl: grpo\nadapter: lora\nlora_r: 8\nlora_alpha: 16\nlora_target_linear: true\n\
             sequence_len: 1024\nsample_packing: true\nval_set_size: 8\nlearning_rate: 2.0e-3\nlr_scheduler: constant\n{lines}",
            self.path("base").display(),
            self.path(name).display()
        );
        fs::write(&path, text).unwrap();
        trainer(&["grpo", "--threads", "1", "--device", "cpu", "--config", path.to_str().unwrap()])
    }

    fn rollout(&self, more: &str) -> String {
        let [config, tasks] = ["agent.yaml", "tasks"].map(|name| self.path(name).display().to_string());
        format!("rollout: {{config: {config}, tasks_root: {tasks}{more}}}\n")
    }

    fn lines(&self, name: &str) -> Vec<Line> {
        let text = fs::read_to_string(self.path(name).join("metrics.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn played(lines: &[Line]) -> Vec<Played> {
    let played = lines.iter().filter_map(|line| match &line.values {
        Values::Step { played, .. } => played.as_deref().copied(),
        _ => None,
    });
    played.collect()
}

fn evaluations(lines: &[Line]) -> Vec<(f64, f64)> {
    let evaluations = lines.iter().filter_map(|line| match &line.values {
        Values::Episodes { eval_reward, eval_missing_variables, .. } => {
            Some((*eval_reward, *eval_missing_variables))
        }
        _ => None,
    });
    evaluations.collect()
}

fn weights(folder: &Path) -> String {
    trainer::digest::file(&folder.join("adapter_model.safetensors")).unwrap()
}

#[test]
fn the_reward_of_held_out_tasks_rises() {
    let work = work();
    let lines = "micro_batch_size: 16\ngradient_accumulation_steps: 2\nmax_steps: 30\nwarmup_steps: 4\nseed: 3\neval_steps: 30\neval_on_start: true\nsave_steps: 30\n\
                 trl: {num_generations: 8, max_completion_length: 64, beta: 0.01, loss_type: dr_grpo, scale_rewards: false}\n";
    let said = succeed(
        &work
            .command("rises", &(lines.to_owned() + &work.rollout(", eval_temperature: 1.0")))
            .output()
            .unwrap(),
    );
    assert!(said.contains("16 tasks, 8 held out"), "{said}");

    let lines = work.lines("rises");
    let (played, evaluations) = (played(&lines), evaluations(&lines));
    let [before, after] = evaluations[..] else { panic!("{evaluations:?}") };
    assert!(after.0 > before.0 + 0.3, "{evaluations:?}, {played:#?}");
    let (first, last) = (played[0], played[played.len() - 1]);
    assert!(last.reward > first.reward + 0.2, "{played:#?}");
    for step in &played {
        assert_eq!((step.rollouts, step.unbranched_groups), (32, 0));
        assert!((1..=2 * 32).contains(&step.env_steps), "{step:?}");
        assert!(step.generated_tokens as f64 >= 32.0 * step.completion_tokens - 0.5, "{step:?}");
        assert!(
            step.cached_tokens > 0 && step.engine_tokens_per_second > 0.0 && step.env_steps_per_second > 0.0
        );
    }
    let policies = lines.iter().filter_map(|line| match line.values {
        Values::Step { policy, grad_norm, .. } => policy.map(|policy| (policy, grad_norm)),
        _ => None,
    });
    let policies: Vec<_> = policies.collect();
    assert_eq!(policies[0].0.kl, 0.0, "the adapter begins as nothing");
    assert!(policies.last().unwrap().0.kl > 0.0 && policies.iter().all(|(_, norm)| norm.is_finite()));
    assert!(
        policies.iter().all(|(policy, _)| policy.clip_ratio == 0.0 && policy.sampling_logp_difference < 1e-4),
        "{policies:?}"
    );
    assert!(work.path("rises").join("reward.svg").is_file());
}

/// Two steps learn from the same episodes, so the interruption leaves some of them to be learnt from. Groups begin at forks, too.
#[test]
fn an_interrupted_training_resumes_to_the_same_weights() {
    let work = work();
    let lines = "micro_batch_size: 4\ngradient_accumulation_steps: 2\nmax_steps: 6\nsave_steps: 100\n\
                 trl: {num_generations: 4, num_iterations: 2, max_completion_length: 64, beta: 0.02, temperature: 0.9}\n";
    let lines = lines.to_owned() + &work.rollout(", branch: {min_turns: 0, max_turns: 1}");
    succeed(&work.command("whole", &lines).output().unwrap());

    let mut child = work.command("parts", &lines).stderr(Stdio::piped()).spawn().unwrap();
    let (metrics, began) = (work.path("parts").join("metrics.jsonl"), Instant::now());
    while fs::read_to_string(&metrics).unwrap_or_default().lines().count() < 2 {
        assert!(child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(300));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let step = work.lines("parts").last().unwrap().step;
    let kept = work.path("parts").join(format!("checkpoint-{step}/rollouts.json")).is_file();
    assert_eq!(kept, !step.is_multiple_of(2), "after {step} steps");

    let said = succeed(&work.command("parts", &lines).output().unwrap());
    assert!(said.contains(&format!("going on after step {step}")), "{said}");
    assert_eq!(weights(&work.path("parts")), weights(&work.path("whole")));

    let whole = work.lines("whole");
    // At a temperature, too, the engine's log-probabilities are those that the trainer computes.
    let differences = whole.iter().filter_map(|line| match line.values {
        Values::Step { policy, .. } => policy.map(|policy| policy.sampling_logp_difference),
        _ => None,
    });
    differences.for_each(|difference| assert!(difference < 1e-4, "{difference}"));
    let values = |lines: &[Line]| -> Vec<(f64, f64)> {
        let step = |line: &Line| match line.values {
            Values::Step { loss, grad_norm, .. } => Some((loss, grad_norm)),
            _ => None,
        };
        lines.iter().filter_map(step).collect()
    };
    assert_eq!((values(&whole).len(), played(&whole).len()), (6, 3), "every other step plays");
    assert_eq!(values(&whole), values(&work.lines("parts")));
}

#[test]
fn a_fork_gives_rollouts_for_fewer_tokens_and_steps() {
    let work = work();
    let lines = "micro_batch_size: 8\ngradient_accumulation_steps: 1\nmax_steps: 1\n\
                 trl: {num_generations: 8, max_completion_length: 64}\n";
    succeed(
        &work
            .command("forked", &(lines.to_owned() + &work.rollout(", branch: {min_turns: 1, max_turns: 1}")))
            .output()
            .unwrap(),
    );
    succeed(&work.command("unforked", &(lines.to_owned() + &work.rollout(""))).output().unwrap());
    let [forked, unforked] = ["forked", "unforked"].map(|name| played(&work.lines(name))[0]);
    assert_eq!((forked.rollouts, unforked.rollouts), (8, 8));
    // Of two turns, the first is taken once.
    assert!(forked.env_steps < unforked.env_steps - 4, "{forked:?}, {unforked:?}");
    assert!(forked.generated_tokens < unforked.generated_tokens, "{forked:?}, {unforked:?}");
    assert!(forked.turns < 1.5 && unforked.turns > 1.5, "{forked:?}, {unforked:?}");
}

#[test]
fn what_cannot_be_played_or_continued_is_refused() {
    let work = work();
    let lines = "micro_batch_size: 4\ngradient_accumulation_steps: 1\nmax_steps: 1\ntrl: {num_generations: 4, max_completion_length: 64}\n";
    let refused = |name: &str, lines: &str| {
        let output = work.command(name, lines).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let elsewhere =
        format!("rollout: {{config: {}, tasks_root: nowhere}}\n", work.path("agent.yaml").display());
    let error = refused("nowhere", &(lines.to_owned() + &elsewhere));
    assert!(
        error.contains("nowhere") && error.contains("the agent that plays the episodes has ended"),
        "{error}"
    );

    succeed(&work.command("once", &(lines.to_owned() + &work.rollout(""))).output().unwrap());
    let error = refused(
        "once",
        &(lines.replace("max_completion_length: 64", "max_completion_length: 63") + &work.rollout("")),
    );
    assert!(error.contains("`trl`"), "{error}");
    let agent = fs::read_to_string(work.path("agent.yaml")).unwrap().replace("max_turns: 2", "max_turns: 3");
    fs::write(work.path("other.yaml"), agent).unwrap();
    let error = refused("once", &(lines.to_owned() + &work.rollout("").replace("agent.yaml", "other.yaml")));
    assert!(error.contains("`rollout` has another agent"), "{error}");
}
