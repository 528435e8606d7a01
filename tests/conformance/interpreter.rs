//! Sequences of code blocks with the answer to each block, in both regimes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use client::{EnvClient, explain};
use proto::env::v1;
use proto::env::v1::create_episode_request::Task;
use proto::env::v1::step_request::Action;
use proto::interpreter_state::InterpreterState;
use serde::Deserialize;

use crate::report::{Differences, Report};

/// The recordings' own limit.
const TOOL_CALLS_PER_STEP: u32 = 25;

/// One sequence of blocks, and the answers in each regime.
#[derive(Deserialize)]
struct Sequence {
    blocks: Vec<String>,
    persistent: Vec<Answer>,
    stateless: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    success: bool,
    output: String,
    error: Option<String>,
    globals: Vec<String>,
}

/// Replays every sequence of a file in both regimes, an episode each.
pub async fn replay(mut client: EnvClient, file: &Path, task: &Path) -> anyhow::Result<Report> {
    let sequences: BTreeMap<String, Sequence> = files::read_json(file)?;
    let task = files::read_text(task)?;
    let mut report = Report::default();
    for (name, sequence) in &sequences {
        let regimes = [
            (InterpreterState::Persistent, &sequence.persistent),
            (InterpreterState::Reset, &sequence.stateless),
        ];
        for (state, answers) in regimes {
            let name = format!("{name} ({})", state.name());
            let replayed = replay_one(&mut client, &task, state, &sequence.blocks, answers).await;
            report.add(&name, replayed.with_context(|| name.clone())?);
        }
    }
    Ok(report)
}

async fn replay_one(
    client: &mut EnvClient,
    task: &str,
    state: InterpreterState,
    blocks: &[String],
    answers: &[Answer],
) -> anyhow::Result<Differences> {
    let create = v1::CreateEpisodeRequest {
        task: Some(Task::TaskJson(task.to_owned())),
        interpreter_state: v1::InterpreterState::from(state).into(),
        limits: Some(v1::Limits { tool_calls_per_step: TOOL_CALLS_PER_STEP, ..Default::default() }),
        ..Default::default()
    };
    let created = client.create_episode(create).await.map_err(|status| anyhow::anyhow!(explain(&status)))?;
    let episode_id = created.into_inner().episode_id;
    let mut differences = Differences::default();
    differences.compare("number of answers", &blocks.len(), &answers.len());
    for (index, (code, expected)) in blocks.iter().zip(answers).enumerate() {
        let step = v1::StepRequest {
            episode_id: episode_id.clone(),
            step_index: index as u64,
            action: Some(Action::Code(v1::CodeAction { code: code.clone() })),
        };
        let answer = client.step(step).await.map_err(|status| anyhow::anyhow!(explain(&status)))?;
        let found = answer.into_inner().observation.context("a step without an observation")?;
        let what = |part| format!("block {index} {part}");
        differences.compare(&what("success"), &expected.success, &found.success);
        differences.compare(&what("output"), &expected.output, &found.output);
        differences.compare(&what("globals"), &expected.globals, &found.globals);
        let recorded = expected.error.as_deref().unwrap_or_default();
        differences.compare(&what("error"), &essence(recorded), &essence(&found.error));
    }
    client
        .close_episode(v1::CloseEpisodeRequest { episode_id })
        .await
        .map_err(|status| anyhow::anyhow!(explain(&status)))?;
    Ok(differences)
}

/// The parts of an error's text that must agree: the agent's own frames and the last line, without the module in front
/// of a tool exception. The number of repeated frames may differ.
fn essence(error: &str) -> Vec<String> {
    let lines: Vec<&str> = error.lines().map(str::trim).collect();
    let Some((last, above)) = lines.split_last() else { return Vec::new() };
    let frames = above.iter().filter(|line| line.starts_with("File \"<string>\""));
    frames.map(|frame| (*frame).to_owned()).chain([without_module(last)]).collect()
}

fn without_module(line: &str) -> String {
    match line.split_once(": ") {
        Some((class, message)) => format!("{}: {message}", class.rsplit('.').next().unwrap_or(class)),
        None => line.to_owned(),
    }
}
