//! Tool calls with their recorded answers, one episode a transcript.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use client::{EnvClient, explain};
use proto::env::v1;
use proto::env::v1::create_episode_request::Task;
use proto::env::v1::step_request::Action;
use proto::run::Evaluation;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::report::{Differences, Report};

/// One recording: a task, the calls made on it, and its result after them.
#[derive(Deserialize)]
struct Transcript {
    task: Value,
    calls: Vec<Call>,
    result: Evaluation,
}

#[derive(Deserialize)]
struct Call {
    tool: String,
    #[serde(default)]
    args: Vec<Value>,
    #[serde(default)]
    kwargs: Map<String, Value>,
    ok: bool,
    #[serde(default)]
    result: Value,
    error: Option<String>,
    error_type: Option<String>,
}

/// Replays every transcript of a folder.
pub async fn replay(mut client: EnvClient, dir: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for path in transcripts(dir)? {
        let transcript = files::read_json(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let differences = replay_one(&mut client, transcript).await.with_context(|| name.to_string())?;
        report.add(&name, differences);
    }
    Ok(report)
}

fn transcripts(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    if paths.is_empty() {
        bail!("no *.json in {}", dir.display());
    }
    Ok(paths)
}

async fn replay_one(client: &mut EnvClient, transcript: Transcript) -> anyhow::Result<Differences> {
    let create = v1::CreateEpisodeRequest {
        task: Some(Task::TaskJson(transcript.task.to_string())),
        interpreter_state: v1::InterpreterState::Persistent.into(),
        ..Default::default()
    };
    let created = client.create_episode(create).await.map_err(|status| anyhow::anyhow!(explain(&status)))?;
    let episode_id = created.into_inner().episode_id;
    let mut differences = Differences::default();
    for (index, call) in transcript.calls.iter().enumerate() {
        let arguments = if call.kwargs.is_empty() {
            Value::Array(call.args.clone())
        } else if call.args.is_empty() {
            Value::Object(call.kwargs.clone())
        } else {
            bail!("call {index} mixes positional and keyword arguments, which the protocol cannot say");
        };
        let calls = vec![v1::ToolCall { name: call.tool.clone(), arguments_json: arguments.to_string() }];
        let step = v1::StepRequest {
            episode_id: episode_id.clone(),
            step_index: index as u64,
            action: Some(Action::ToolCalls(v1::ToolCallsAction { calls })),
        };
        let answer =
            client.step(step).await.map_err(|status| anyhow::anyhow!(explain(&status)))?.into_inner();
        let observation = answer.observation.context("a step without an observation")?;
        let record = observation.tool_results.into_iter().next().context("a tool call without an answer")?;
        let what = |part| format!("call {index} {}{arguments} {part}", call.tool);
        differences.compare(&what("ok"), &call.ok, &record.error.is_empty());
        differences.compare(&what("error"), call.error.as_ref().unwrap_or(&String::new()), &record.error);
        differences.compare(
            &what("error_type"),
            call.error_type.as_ref().unwrap_or(&String::new()),
            &record.error_type,
        );
        let result = if call.ok { serde_json::from_str(&record.result_json).ok() } else { Some(Value::Null) };
        differences.compare(&what("result"), &Some(call.result.clone()), &result);
    }
    let close = v1::CloseEpisodeRequest { episode_id };
    let closed =
        client.close_episode(close).await.map_err(|status| anyhow::anyhow!(explain(&status)))?.into_inner();
    let evaluation = closed.evaluation.context("a closed episode without an evaluation")?;
    differences.compare("result.is_solved", &transcript.result.is_solved, &evaluation.is_solved);
    differences.compare("result.score", &transcript.result.score, &evaluation.score);
    let metrics = serde_json::from_str::<Map<String, Value>>(&evaluation.metrics_json)?;
    differences.compare("result.metrics", &transcript.result.metrics, &metrics);
    Ok(differences)
}
