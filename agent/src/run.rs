//! A run: every agent of a config plays every task, and the results are files.
//!
//! A run can be stopped at any time and started again: what has a completed
//! result file is not played again, what failed is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use proto::env::v1;
use proto::{run as schema, trace};
use tokio::sync::watch;

use crate::codeact::{Assignment, CodeAct, Error as EpisodeError, Outcome};
use crate::config::{AgentConfig, RunConfig};
use crate::{model, page, server};
use client::Environment;
use client::Retry;

mod episodes;
mod folder;
mod plan;
mod progress;
mod report;

use episodes::{End, Episodes};

pub use folder::ConfigDiffers;
pub use plan::PlanError;
pub use report::{Line, Report};

/// What a run is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The parsed config.
    pub config: RunConfig,
    /// A task folder: its manifest names the task set.
    pub tasks_root: Option<PathBuf>,
    /// A server to use; without one, the run starts its own.
    pub env: Option<String>,
    /// At most so many tasks a family.
    pub max_examples: Option<usize>,
    /// How often calls to the server are tried.
    pub retry: Retry,
}

/// Why a run can't start, or can't go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a server nor tasks to start one with.
    #[error("name the tasks with --tasks-root DIR, or a running server with --env URL")]
    NoTasks,
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// The run folder can't be used.
    #[error(transparent)]
    Folder(#[from] folder::Error),
    /// The server can't be started.
    #[error(transparent)]
    Server(#[from] lifecycle::child::Error),
    /// The server can't be reached.
    #[error(transparent)]
    Connect(#[from] client::ConnectError),
    /// The server refused a call.
    #[error("{call}: {}", client::explain(status))]
    Call {
        /// Which call.
        call: &'static str,
        /// What it said.
        status: Box<tonic::Status>,
    },
    /// The server lacks what the run asks for.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Nobody answers at the server's address any more.
    #[error(
        "the {server} can't be reached ({episodes} episodes in a row failed for it; the last: {last}); once it \
         is there again, the same command goes on from here"
    )]
    Unreachable {
        /// Which.
        server: &'static str,
        /// How many episodes failed for it.
        episodes: usize,
        /// What the last of them said.
        last: String,
    },
    /// An agent's model can't play a family.
    #[error("`agents[{index}].llm`: {source}")]
    Model {
        /// Which agent.
        index: usize,
        /// Why.
        source: model::Error,
    },
    /// The trace page's template is broken.
    #[error("writing a trace page: {0}")]
    Page(#[from] minijinja::Error),
    /// An episode's task broke down.
    #[error("an episode ended abnormally: {0}")]
    Episode(#[from] tokio::task::JoinError),
}

/// Plays a run to its end, or until `stop` turns true.
///
/// # Errors
/// [`Error`] if it can't start, or its files can't be written. Episodes that
/// fail are no error; they are counted in the report.
pub async fn execute(options: Options, stop: watch::Receiver<bool>) -> Result<Report, Error> {
    let config = &options.config;
    let models = models(config).await?;
    let set = plan::requested_set(config, options.tasks_root.as_deref())?;
    let layout = schema::Layout::new(&config.output_dir, &config.run_name);
    folder::prepare(&layout)?;
    let mut server = match (&options.env, &options.tasks_root) {
        (Some(_), _) => None,
        (None, Some(tasks)) => Some(server::start(tasks, &layout.root.join("env-server.log")).await?),
        (None, None) => return Err(Error::NoTasks),
    };
    let played = play(&options, &layout, set, models, server.as_mut(), stop).await;
    // Stopped also when the run failed: the server is this run's own.
    if let Some(server) = server {
        server.stop().await;
    }
    played
}

/// Everything between the server's start and its stop.
async fn play(
    options: &Options,
    layout: &schema::Layout,
    set: Option<String>,
    models: Vec<Arc<dyn model::Model>>,
    server: Option<&mut lifecycle::child::Server>,
    stop: watch::Receiver<bool>,
) -> Result<Report, Error> {
    let url = server
        .as_deref()
        .map_or(options.env.as_deref().unwrap_or_default(), |server| server.url())
        .to_owned();
    let environment = Environment::new(client::connect(&url).await?, options.retry);
    let info = environment.info().await.map_err(call_failed("GetServerInfo"))?;
    let set = plan::offered_set(&info, set, &url)?;
    let config = RunConfig { task_set: Some(set.clone()), ..options.config.clone() };
    let tasks = plan::tasks(&environment, &config, &set, options.max_examples).await?;
    folder::claim(layout, &config)?;

    let players: Vec<CodeAct> = (config.agents.iter().zip(models))
        .map(|(agent, model)| CodeAct { agent: agent.clone(), model, environment: environment.clone() })
        .collect();
    let mut jobs = plan::jobs(layout, &config, &players, &tasks, &info)?;
    let progress = progress::Progress::new(&jobs);
    if let Some(warning) = plan::version_warning(&jobs) {
        progress.say(&warning);
    }
    let episodes = Episodes { layout, progress: &progress, at_once: config.max_concurrent_runs };
    let server_ended = async {
        match server {
            Some(server) => server.ended().await,
            None => std::future::pending().await,
        }
    };
    let ended = episodes.play(&mut jobs, server_ended, stop).await;
    progress.end();
    // Whatever ended the run: what was played is counted.
    let report = report::write(layout, &jobs, matches!(ended, Ok(End::Stopped)));
    ended.and(report)
}

/// The agents' models, each able to play all families.
async fn models(config: &RunConfig) -> Result<Vec<Arc<dyn model::Model>>, Error> {
    let mut models = Vec::new();
    for (index, agent) in config.agents.iter().enumerate() {
        let model = model_for(agent, &config.task_families).await;
        models.push(model.map_err(|source| Error::Model { index, source })?);
    }
    Ok(models)
}

async fn model_for(agent: &AgentConfig, families: &[String]) -> Result<Arc<dyn model::Model>, model::Error> {
    let model = model::from_config(&agent.llm).await?;
    families.iter().try_for_each(|family| model.check_family(family))?;
    Ok(model)
}

/// One episode of a run.
#[derive(Clone, Debug)]
struct Job {
    player: CodeAct,
    assignment: Assignment,
    /// It was completed by an earlier call, with these versions.
    kept: Option<trace::Versions>,
    /// It was played by this call, and ended so.
    played: Option<schema::Status>,
}

/// An episode that was played and written.
#[derive(Debug)]
struct Played {
    result: schema::EpisodeResult,
    /// The server that was gone, if it failed for that.
    unreachable: Option<&'static str>,
}

impl Job {
    fn agent(&self) -> &str {
        &self.player.agent.name
    }

    fn task(&self) -> &v1::TaskSummary {
        &self.assignment.task
    }

    /// Plays the episode and writes its files; nothing is written of an
    /// interrupted one. The result file comes last: it says that all is there.
    async fn run(
        &self,
        layout: &schema::Layout,
        stop: watch::Receiver<bool>,
    ) -> Result<Option<Played>, Error> {
        let started_at = seconds_now();
        let Outcome { trace, evaluation } = self.player.play(&self.assignment, stop).await;
        if matches!(evaluation, Err(EpisodeError::Interrupted)) {
            return Ok(None);
        }
        let unreachable = evaluation.as_ref().err().and_then(EpisodeError::unreachable);
        let result = result_of(evaluation, started_at);
        let (agent, task) = (self.agent(), self.task());
        files::write_json(&layout.trace(agent, &task.family, &task.task_id), &trace)?;
        let html = page::render(agent, &trace, &result)?;
        files::write_text(&layout.trace_html(agent, &task.family, &task.task_id), &html)?;
        files::write_json(&layout.result(agent, &task.family, &task.task_id), &result)?;
        Ok(Some(Played { result, unreachable }))
    }
}

fn result_of(evaluation: Result<v1::Evaluation, EpisodeError>, started_at: f64) -> schema::EpisodeResult {
    let (status, error, result) = match evaluation {
        Ok(evaluation) => {
            let evaluation = schema::Evaluation {
                is_solved: evaluation.is_solved,
                score: evaluation.score,
                metrics: serde_json::from_str(&evaluation.metrics_json).unwrap_or_default(),
            };
            (schema::Status::Completed, None, Some(evaluation))
        }
        Err(error) => (schema::Status::Failed, Some(error.to_string()), None),
    };
    schema::EpisodeResult { status, error, result, finished_at: seconds_now(), started_at }
}

/// Seconds since 1970.
fn seconds_now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn call_failed(call: &'static str) -> impl Fn(tonic::Status) -> Error {
    move |status| Error::Call { call, status: Box::new(status) }
}
