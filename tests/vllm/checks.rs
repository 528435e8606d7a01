//! What has to hold.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use proto::run::Status;
use serde_json::json;
use tokio::process::Command;
use tokio::time::sleep;

use crate::play::{Episode, Place, Run, generate};
use crate::server::{MODEL, Vllm};

/// How long the run that loses its server may take to get its first results.
const PATIENCE: Duration = Duration::from_secs(600);

/// Makes all checks, and prints each; the numbers that passed and failed.
///
/// # Errors
/// If the checks can't be made: the server does not start, or there are no tasks.
pub async fn all(python: &Path, model: &Path, out: &Path) -> Result<(usize, usize)> {
    if out.exists() {
        std::fs::remove_dir_all(out)?;
    }
    std::fs::create_dir_all(out)?;
    let out = out.canonicalize()?;
    let tasks = out.join("tasks");
    generate(&tasks).await?;
    let vllm = Vllm::new(python, model, &out.join("vllm.log"))?;
    let place = Place { tasks, out, url: vllm.url() };
    eprintln!("starting vLLM (its log: {})", place.out.join("vllm.log").display());
    let server = vllm.start().await?;

    let mut outcome = Outcome::default();
    for state in [true, false] {
        let name = if state { "codeact-persistent" } else { "codeact-reset" };
        outcome.note(name, codeact(&place, name, state).await);
    }
    outcome.note("codeact repeats at temperature 0", repeats(&place).await);
    outcome.note("prompts of tokens continue what was seen", token_prompts(&place).await);
    outcome.note("react by function calling", react(&place, "react-native", "native").await);
    outcome.note("react as text", react(&place, "react-text", "text").await);
    let adapter = |letter| PathBuf::from(format!("{}-lora-{letter}", model.display()));
    for (name, letter) in [("adapter-a", "a"), ("adapter-b", "b")] {
        outcome.note(name, lora(&place, name, &adapter(letter)).await);
    }
    outcome.note("the adapters answer differently", differ(&place));
    outcome.note("an unknown model is refused before the first episode", unknown(&place).await);
    outcome.note("a conversation that is too long ends its episode", overflow(&place).await);
    outcome.note("recorded tokens become training data", prepare(&place, model).await);
    outcome.note(
        "a run with an adapter outlives its server",
        killed(&place, &adapter("a"), &vllm, server).await,
    );
    Ok((outcome.passed, outcome.failed))
}

#[derive(Debug, Default)]
struct Outcome {
    passed: usize,
    failed: usize,
}

impl Outcome {
    fn note(&mut self, what: &str, result: Result<()>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                println!("ok      {what}");
            }
            Err(error) => {
                self.failed += 1;
                println!("FAILED  {what}: {error:#}");
            }
        }
    }
}

/// Every episode has an evaluation, every turn real counts, and tokens that are a prompt and an answer.
fn check_episodes(episodes: &[Episode], tasks: usize) -> Result<()> {
    ensure!(episodes.len() == tasks, "{} of {tasks} episodes have a result", episodes.len());
    for episode in episodes {
        ensure!(episode.result.status == Status::Completed, "{:?}", episode.result.error);
        let mut before = Vec::new();
        for response in episode.responses() {
            let tokens =
                response.tokens.as_ref().ok_or_else(|| anyhow::anyhow!("an answer without tokens"))?;
            let prompt =
                tokens.whole_prompt(&before).ok_or_else(|| anyhow::anyhow!("`seen` is too large"))?;
            let written = response.completion_tokens as usize;
            ensure!(tokens.answer.len() == written, "{} ids of {written} tokens", tokens.answer.len());
            let read = (response.total_tokens - response.completion_tokens) as usize;
            ensure!(prompt.len() == read, "{} ids of a prompt of {read} tokens", prompt.len());
            before = [prompt, tokens.answer.clone()].concat();
        }
        ensure!(!episode.steps().is_empty(), "an episode without a turn");
    }
    Ok(())
}

async fn codeact(place: &Place, name: &'static str, persistent: bool) -> Result<()> {
    let run = Run::new(
        name,
        json!({ "agent_type": "codeact", "persistent_state": persistent }),
        json!({ "model": MODEL, "logprobs": true }),
    );
    let episodes = run.play(place, 4).await?;
    check_episodes(&episodes, 4)?;
    let answers: Vec<_> =
        episodes.iter().flat_map(Episode::responses).filter_map(|answer| answer.tokens.as_ref()).collect();
    ensure!(
        answers.iter().all(|tokens| tokens.logprobs.len() == tokens.answer.len()),
        "log-probabilities are missing"
    );
    ensure!(
        answers.iter().any(|tokens| tokens.logprobs.iter().any(|logprob| *logprob < 0.0)),
        "all are zero"
    );
    let ran = episodes.iter().flat_map(Episode::steps).filter(|step| step.code.is_some()).count();
    ensure!(ran > 0, "the model never wrote a block that ran");
    Ok(())
}

/// Whatever the chat template makes of an answer, the next prompt begins with the tokens that the model wrote.
async fn token_prompts(place: &Place) -> Result<()> {
    let llm = json!({ "model": MODEL, "token_prompts": true, "logprobs": true });
    let run = Run::new("token-prompts", json!({ "agent_type": "codeact" }), llm);
    let episodes = run.play(place, 4).await?;
    check_episodes(&episodes, 4)?;
    let mut continued = 0;
    for episode in &episodes {
        for pair in episode.responses().windows(2) {
            let [before, next] = pair else { continue };
            if before.finish_reason.as_deref() == Some("stop") {
                ensure!(
                    next.tokens.as_ref().is_some_and(|tokens| !tokens.breaks),
                    "{next:?} breaks with {before:?}"
                );
                continued += 1;
            }
        }
    }
    ensure!(continued > 0, "no answer ended before its limit");
    Ok(())
}

/// The same tokens twice, whole and streamed.
async fn repeats(place: &Place) -> Result<()> {
    let mut answers = Vec::new();
    for (name, stream) in [("greedy-streamed", true), ("greedy-whole", false)] {
        let llm = json!({ "model": MODEL, "temperature": 0, "stream": stream });
        let run = Run::new(name, json!({ "agent_type": "codeact", "max_turns": 1 }), llm);
        let episodes = run.play(place, 1).await?;
        answers.push(episodes[0].steps()[0].assistant_text.clone());
    }
    ensure!(answers[0] == answers[1] && !answers[0].is_empty(), "{answers:?}");
    Ok(())
}

async fn react(place: &Place, name: &'static str, calls: &str) -> Result<()> {
    let agent = json!({ "agent_type": "react", "tool_calls": calls });
    let run = Run::new(name, agent, json!({ "model": MODEL }));
    let episodes = run.play(place, 4).await?;
    check_episodes(&episodes, 4)?;
    for step in episodes.iter().flat_map(Episode::steps) {
        let outputs = step.results.as_ref().map_or(0, Vec::len);
        ensure!(step.calls.len() == outputs, "{} calls and {outputs} answers", step.calls.len());
    }
    Ok(())
}

async fn lora(place: &Place, name: &'static str, path: &Path) -> Result<()> {
    let llm = json!({ "model": name, "lora_path": path, "temperature": 0, "logprobs": true });
    let run = Run::new(name, json!({ "agent_type": "codeact", "max_turns": 1 }), llm);
    let episodes = run.play(place, 2).await?;
    check_episodes(&episodes, 2)?;
    let versions = episodes[0].trace.provenance.clone().unwrap_or_default().versions;
    ensure!(versions.model == name && versions.adapter_sha256.len() == 64, "{versions:?}");
    Ok(())
}

/// By how likely their tokens are: the same words may be the likeliest of both.
fn differ(place: &Place) -> Result<()> {
    let likely = |name| -> Result<Vec<f32>> {
        let episodes = Run::new(name, json!({}), json!({})).episodes(place)?;
        let tokens = episodes[0].responses()[0].tokens.clone().unwrap_or_default();
        ensure!(!tokens.logprobs.is_empty(), "{name}: log-probabilities are missing");
        Ok(tokens.logprobs)
    };
    let (a, b) = (likely("adapter-a")?, likely("adapter-b")?);
    ensure!(a != b, "both give {a:?}");
    Ok(())
}

async fn unknown(place: &Place) -> Result<()> {
    let run = Run::new("unknown", json!({ "agent_type": "codeact" }), json!({ "model": "gpt-99" }));
    let status = run.start(place, 1)?.wait().await?;
    let log = run.log(place)?;
    ensure!(!status.success() && log.contains("gpt-99") && log.contains(MODEL), "{status}: {log}");
    Ok(())
}

/// The task's text is repeated until it is too long for the context.
async fn overflow(place: &Place) -> Result<()> {
    let prompts = place.out.join("long");
    std::fs::create_dir_all(&prompts)?;
    files::write_text(&prompts.join("task.txt"), "{% for _ in range(200) %}{{ public }} {% endfor %}")?;
    let mut run = Run::new("overflow", json!({ "agent_type": "codeact" }), json!({ "model": MODEL }));
    run.set("prompts", json!(prompts));
    let episodes = run.play(place, 1).await?;
    let reason = episodes[0].trace.summary.finish_reason.clone();
    ensure!(reason.as_deref() == Some("context_length"), "{reason:?}");
    Ok(())
}

async fn prepare(place: &Place, model: &Path) -> Result<()> {
    let traces = Run::new("codeact-reset", json!({}), json!({})).folder(place);
    let output = Command::new(tests::program("trainer"))
        .args(["prepare", "--sequence-len", "4096", "--model"])
        .arg(model)
        .arg("--traces")
        .arg(&traces)
        .arg("--out")
        .arg(place.out.join("data"))
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    ensure!(said.contains("by the tokens that their traces recorded"), "{said}");
    Ok(())
}

/// The server is killed while episodes run, and started again on the same port, without the adapter.
async fn killed(place: &Place, adapter: &Path, vllm: &Vllm, server: crate::server::Running) -> Result<()> {
    const TASKS: usize = 12;
    let llm = json!({ "model": "killed", "lora_path": adapter });
    let run = Run::new("killed", json!({ "agent_type": "codeact" }), llm);
    let mut agent = run.start(place, TASKS)?;
    let deadline = Instant::now() + PATIENCE;
    while run.results(place) < 2 {
        ensure!(Instant::now() < deadline, "no results: {}", run.log(place)?);
        ensure!(agent.try_wait()?.is_none(), "the agent ended early: {}", run.log(place)?);
        sleep(Duration::from_millis(50)).await;
    }
    server.kill().await?;
    let before = run.results(place);
    ensure!(before < TASKS, "all were played before the server was killed");
    let _server = vllm.start().await?;
    let status = agent.wait().await?;
    ensure!(status.success(), "{status}: {}", run.log(place)?);
    check_episodes(&run.episodes(place)?, TASKS)?;
    // Nothing is doubled: each task has one episode, and each result one trace.
    let episodes = run.episodes(place)?;
    let ids: BTreeSet<String> =
        episodes.iter().map(|episode| episode.trace.provenance.clone().unwrap_or_default().task_id).collect();
    ensure!(ids.len() == TASKS, "{} tasks in {TASKS} episodes", ids.len());
    Ok(())
}
