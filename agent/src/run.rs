//! A run: every agent of a config plays every task, and the results are files.
//!
//! | module     | what it holds                                       |
//! |------------|-----------------------------------------------------|
//! | `servers`  | the environment servers, connected and compared     |
//! | `task_set` | which task set to play                              |
//! | `plan`     | which episodes there are to play                    |
//! | `kept`     | episodes that an earlier start of the run completed |
//! | `job`      | one episode of a run                                |
//! | `episodes` | playing them, several at once                       |
//! | `folder`   | the run's folder                                    |
//! | `cost`     | what the answers of an episode cost                 |
//! | `progress` | progress on standard error                          |
//! | `report`   | the run's summaries                                 |
//! | `summary`  | means over the episodes of one agent                |
//! | `error`    | why a run can't start, or can't continue            |
//!
//! A run can be stopped at any time and started again: episodes with a completed result file are not played
//! again, failed ones are.

use std::path::PathBuf;
use std::sync::Arc;

use acting::prompts::Prompts;
use client::Retry;
use episodes::{End, Episodes};
use proto::run::Layout;
use tokio::sync::watch;

use crate::config::{AgentConfig, RunConfig};
use crate::episode::Player;
use crate::{model, server};

mod cost;
mod episodes;
mod error;
mod folder;
pub(crate) mod job;
mod kept;
pub(crate) mod plan;
mod progress;
mod report;
mod servers;
mod summary;
pub(crate) mod task_set;

pub(crate) use error::call_failed;
pub use error::{Error, PlanError};
pub(crate) use folder::task_ids;
pub use folder::{ConfigDiffers, Error as FolderError};
pub use report::{Line, Report};
pub(crate) use servers::{Servers, connect};

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The config.
    pub config: RunConfig,
    /// A task folder: its manifest names the task set.
    pub tasks_root: Option<PathBuf>,
    /// URLs of the environment servers to use, in place of the config's; without any of both, the run starts its own.
    pub envs: Vec<String>,
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
pub async fn execute(mut options: Options, stop: watch::Receiver<bool>) -> Result<Report, Error> {
    if options.envs.is_empty() {
        options.envs.clone_from(&options.config.envs);
    }
    let prompts = prompts(&options.config)?;
    let models = models(&options.config).await?;
    let played = with_models(&options, prompts, &models, stop).await;
    for model in &models {
        model.release().await;
    }
    played
}

/// Checks the files that a config names, without a run.
///
/// # Errors
/// [`Error::Prompts`], as a run gives it.
pub fn check(config: &RunConfig) -> Result<(), Error> {
    prompts(config).map(|_| ())
}

fn prompts(config: &RunConfig) -> Result<Prompts, Error> {
    Ok(Prompts::read(config.prompts.as_deref())?)
}

/// Everything between the first call to the models' servers and the last.
async fn with_models(
    options: &Options,
    prompts: Prompts,
    models: &[Arc<dyn model::Model>],
    stop: watch::Receiver<bool>,
) -> Result<Report, Error> {
    let config = &options.config;
    let set = task_set::requested(config.task_set.as_deref(), options.tasks_root.as_deref())?;
    let layout = Layout::new(&config.output_dir, &config.run_name);
    folder::prepare(&layout)?;
    let mut server = match (&options.envs[..], &options.tasks_root) {
        ([_, ..], _) => None,
        ([], Some(tasks)) => Some(server::start(tasks, &layout.root.join("env-server.log")).await?),
        ([], None) => return Err(Error::NoTasks),
    };
    let played = play(options, prompts, &layout, set, models, server.as_mut(), stop).await;
    // The server is this run's own, so it is stopped even if the run failed.
    if let Some(server) = server {
        server.stop().await;
    }
    played
}

/// Everything between the start of the server and its stop.
async fn play(
    options: &Options,
    prompts: Prompts,
    layout: &Layout,
    set: Option<String>,
    models: &[Arc<dyn model::Model>],
    server: Option<&mut lifecycle::child::Server>,
    stop: watch::Receiver<bool>,
) -> Result<Report, Error> {
    let urls = server.as_deref().map_or_else(|| options.envs.clone(), |server| vec![server.url().to_owned()]);
    let Servers { environments, info, set, tasks } =
        connect(&urls, options.retry, &options.config, set.as_ref(), options.max_examples).await?;
    let config = RunConfig { task_set: Some(set), ..options.config.clone() };
    folder::claim(layout, &config)?;

    let prompts = Arc::new(prompts);
    let player = |(agent, model): (&AgentConfig, &Arc<dyn model::Model>)| Player {
        agent: agent.clone(),
        model: model.clone(),
        environments: environments.clone(),
        prompts: prompts.clone(),
        watcher: None,
    };
    let players: Vec<Player> = config.agents.iter().zip(models).map(player).collect();
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
    let cache = config.cache_db_path.as_deref().map(model::Cache::open).transpose().map_err(Error::Cache)?;
    let mut models = Vec::new();
    for (index, agent) in config.agents.iter().enumerate() {
        let model = model_for(agent, &config.task_families, cache.as_ref()).await;
        models.push(model.map_err(|source| Error::Model { index, source })?);
    }
    Ok(models)
}

async fn model_for(
    agent: &AgentConfig,
    families: &[String],
    cache: Option<&model::Cache>,
) -> Result<Arc<dyn model::Model>, model::Error> {
    let model = model::from_config(&agent.llm, cache).await?;
    families.iter().try_for_each(|family| model.check_family(family))?;
    Ok(model)
}
