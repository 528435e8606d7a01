//! A run: every agent of a config plays every task, and the results are files.
//!
//! | module     | what it holds                                       |
//! |------------|-----------------------------------------------------|
//! | `task_set` | which task set to play                              |
//! | `plan`     | which episodes there are to play                    |
//! | `kept`     | episodes that an earlier start of the run completed |
//! | `job`      | one episode of a run                                |
//! | `episodes` | playing them, several at once                       |
//! | `folder`   | the run's folder                                    |
//! | `progress` | progress on standard error                          |
//! | `report`   | the run's summaries                                 |
//! | `summary`  | means over the episodes of one agent                |
//! | `error`    | why a run can't start, or can't continue            |
//!
//! A run can be stopped at any time and started again: episodes with a completed result file are not played
//! again, failed ones are.

use std::path::PathBuf;
use std::sync::Arc;

use client::{Environment, Retry};
use episodes::{End, Episodes};
use error::call_failed;
use proto::run::Layout;
use tokio::sync::watch;

use crate::config::{AgentConfig, RunConfig};
use crate::episode::Player;
use crate::{model, server};

mod episodes;
mod error;
mod folder;
mod job;
mod kept;
mod plan;
mod progress;
mod report;
mod summary;
mod task_set;

pub use error::{Error, PlanError};
pub use folder::ConfigDiffers;
pub use report::{Line, Report};

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The config.
    pub config: RunConfig,
    /// A task folder: its manifest names the task set.
    pub tasks_root: Option<PathBuf>,
    /// URL of the server to use; without one, the run starts its own.
    pub env: Option<String>,
    /// The most tasks to play of each family.
    pub max_examples: Option<usize>,
    /// How failed calls to the environment server are repeated.
    pub retry: Retry,
}

/// Plays a run to its end, or until `stop` turns true.
///
/// # Errors
/// [`Error`] if it can't start, its files can't be written, or a server can't be reached any more. Failed
/// episodes are not errors; the report counts them.
pub async fn execute(options: Options, stop: watch::Receiver<bool>) -> Result<Report, Error> {
    let models = models(&options.config).await?;
    let played = with_models(&options, &models, stop).await;
    for model in &models {
        model.release().await;
    }
    played
}

/// Everything between the first call to the models' servers and the last.
async fn with_models(
    options: &Options,
    models: &[Arc<dyn model::Model>],
    stop: watch::Receiver<bool>,
) -> Result<Report, Error> {
    let config = &options.config;
    let set = task_set::requested(config, options.tasks_root.as_deref())?;
    let layout = Layout::new(&config.output_dir, &config.run_name);
    folder::prepare(&layout)?;
    let mut server = match (&options.env, &options.tasks_root) {
        (Some(_), _) => None,
        (None, Some(tasks)) => Some(server::start(tasks, &layout.root.join("env-server.log")).await?),
        (None, None) => return Err(Error::NoTasks),
    };
    let played = play(options, &layout, set, models, server.as_mut(), stop).await;
    // The server is this run's own, so it is stopped even if the run failed.
    if let Some(server) = server {
        server.stop().await;
    }
    played
}

/// Everything between the start of the server and its stop.
async fn play(
    options: &Options,
    layout: &Layout,
    set: Option<String>,
    models: &[Arc<dyn model::Model>],
    server: Option<&mut lifecycle::child::Server>,
    stop: watch::Receiver<bool>,
) -> Result<Report, Error> {
    let url = server
        .as_deref()
        .map_or(options.env.as_deref().unwrap_or_default(), |server| server.url())
        .to_owned();
    let environment = Environment::new(client::connect(&url).await?, options.retry);
    let info = environment.info().await.map_err(call_failed("GetServerInfo"))?;
    let set = task_set::offered(&info, set, &url)?;
    let config = RunConfig { task_set: Some(set.clone()), ..options.config.clone() };
    let tasks = plan::tasks(&environment, &config, &set, options.max_examples).await?;
    folder::claim(layout, &config)?;

    let players: Vec<Player> = (config.agents.iter().zip(models))
        .map(|(agent, model)| Player {
            agent: agent.clone(),
            model: model.clone(),
            environment: environment.clone(),
        })
        .collect();
    let mut jobs = plan::jobs(layout, &config, &players, &tasks, &info)?;
    let progress = progress::Progress::new(&jobs);
    if let Some(warning) = kept::version_warning(&jobs) {
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
    // The played episodes are counted, whatever ended the run.
    let report = report::write(layout, &jobs, matches!(ended, Ok(End::Stopped)));
    ended.and(report)
}

/// The agents' models. Each of them can play all families.
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
