//! One episode of a run.

use std::time::SystemTime;

use proto::env::v1;
use proto::run::{EpisodeResult, Evaluation, Layout, Status};
use proto::trace::{Trace, Versions};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::cost;
use super::error::Error;
use crate::episode::{self, Assignment, Outcome, Player};
use crate::trace_page;

/// One episode of a run.
#[derive(Clone, Debug)]
pub struct Job {
    /// Who plays it.
    pub player: Player,
    /// Which episode it is.
    pub assignment: Assignment,
    /// The versions that an earlier start of the run completed the episode with, if one did. It is then not
    /// played again.
    pub kept: Option<Versions>,
    /// How the episode ended, if this start of the run played it.
    pub played: Option<Status>,
}

/// An episode that was played to an end.
#[derive(Debug)]
pub struct Episode {
    /// What happened.
    pub trace: Trace,
    /// How it ended.
    pub result: EpisodeResult,
    /// The server that could not be reached, if that is why it failed.
    pub unreachable: Option<&'static str>,
    /// Why earlier attempts were lost with their servers.
    pub lost: Vec<String>,
}

/// An episode that was played and whose files are written.
#[derive(Debug)]
pub struct Played {
    /// The content of its result file.
    pub result: EpisodeResult,
    /// The server that could not be reached, if that is why the episode failed.
    pub unreachable: Option<&'static str>,
    /// Why earlier attempts were lost with their servers.
    pub lost: Vec<String>,
    /// Tokens that the model wrote.
    pub tokens: u64,
    /// What the model's answers cost, if their prices are configured.
    pub cost: Option<f64>,
}

impl Job {
    /// The agent's name.
    pub fn agent(&self) -> &str {
        &self.player.agent.name
    }

    /// The task to play.
    pub fn task(&self) -> &v1::TaskSummary {
        &self.assignment.task
    }

    /// Plays the episode and writes its files; the result is `None`, and nothing is written, if it was
    /// interrupted.
    ///
    /// # Errors
    /// If a file can't be written.
    pub async fn run(&self, layout: &Layout, stop: watch::Receiver<bool>) -> Result<Option<Played>, Error> {
        let Some(episode) = self.play(stop).await else { return Ok(None) };
        let (job, layout) = (self.clone(), layout.clone());
        // Milliseconds that other episodes need not wait for.
        let (written, episode) = spawn_blocking(move || (job.write(&layout, &episode), episode)).await?;
        written?;
        let Episode { trace, result, unreachable, lost } = episode;
        let tokens = trace.summary.token_usage.completion_tokens;
        let cost = self.player.agent.llm.prices.map(|prices| cost::of(&trace, &prices));
        Ok(Some(Played { result, unreachable, lost, tokens, cost }))
    }

    /// Plays the episode; `None` if it was interrupted.
    pub async fn play(&self, stop: watch::Receiver<bool>) -> Option<Episode> {
        let started_at = seconds_now();
        let Outcome { trace, evaluation, lost } = self.player.play(&self.assignment, stop).await;
        if matches!(evaluation, Err(episode::Error::Interrupted)) {
            return None;
        }
        let unreachable = evaluation.as_ref().err().and_then(episode::Error::unreachable);
        Some(Episode { trace, result: result_of(evaluation, started_at), unreachable, lost })
    }

    /// Writes an episode's files. The result file is written last: where it exists, the other files do.
    ///
    /// # Errors
    /// If a file can't be written.
    pub fn write(&self, layout: &Layout, episode: &Episode) -> Result<(), Error> {
        let Episode { trace, result, .. } = episode;
        let (agent, task) = (self.agent(), self.task());
        files::write_json(&layout.trace(agent, &task.family, &task.task_id), trace)?;
        let html = trace_page::render(agent, trace, result)?;
        files::write_text(&layout.trace_html(agent, &task.family, &task.task_id), &html)?;
        Ok(files::write_json(&layout.result(agent, &task.family, &task.task_id), result)?)
    }
}

fn result_of(evaluation: Result<v1::Evaluation, episode::Error>, started_at: f64) -> EpisodeResult {
    let (status, error, result) = match evaluation {
        Ok(evaluation) => {
            let evaluation = Evaluation {
                is_solved: evaluation.is_solved,
                score: evaluation.score,
                metrics: serde_json::from_str(&evaluation.metrics_json).unwrap_or_default(),
            };
            (Status::Completed, None, Some(evaluation))
        }
        Err(error) => (Status::Failed, Some(error.to_string()), None),
    };
    EpisodeResult { status, error, result, finished_at: seconds_now(), started_at }
}

/// Seconds since 1970.
fn seconds_now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
