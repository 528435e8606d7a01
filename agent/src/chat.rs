//! One episode in a terminal: a person plays it, or watches a model play it.
//!
//! | module   | what it holds                                       |
//! |----------|-----------------------------------------------------|
//! | `person` | a person as a model, and the config of an agent     |
//! | `input`  | blocks of Python from a terminal or a pipe          |
//! | `screen` | turns as they are shown                             |
//! | `task`   | which task is played                                |
//! | `error`  | why no episode can be played                        |
//!
//! The episode is played as those of a run, and may leave the same files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use acting::prompts::{Prompts, Text};
use client::{Environments, Retry};
use error::from_run;
use proto::run::{EpisodeResult, Layout};
use screen::Screen;
use tokio::sync::watch;

use crate::config::{AgentConfig, RunConfig};
use crate::episode::Player;
use crate::model::Model;
use crate::run::job::Job;
use crate::run::{call_failed, plan, task_set};
use crate::{model, run, server};

mod error;
mod input;
mod person;
mod screen;
mod task;

pub use error::Error;
pub use person::Person;

/// What the person is told in place of a model's instructions.
const TOLD: &str = include_str!("../templates/person.txt");

/// What to play, and who plays.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who plays.
    pub who: Who,
    /// A task folder: its manifest names the task set.
    pub tasks_root: Option<PathBuf>,
    /// URLs of environment servers, in place of the config's; without any of both, a server is started.
    pub envs: Vec<String>,
    /// The family to play.
    pub family: Option<String>,
    /// The task to play; without one, the first.
    pub task: Option<String>,
    /// Where the trace, its page and the result are kept, if they are.
    pub out: Option<PathBuf>,
}

/// Who plays.
#[derive(Clone, Debug)]
pub enum Who {
    /// A person, who types blocks of Python.
    Person(Person),
    /// An agent of a config, while a person watches.
    Agent {
        /// The config.
        config: Box<RunConfig>,
        /// The agent's name; it may be left out if there is only one.
        agent: Option<String>,
    },
}

/// An episode that was played to an end.
#[derive(Clone, Debug)]
pub struct Played {
    /// How it ended.
    pub result: EpisodeResult,
    /// The trace as a page, if it was kept.
    pub page: Option<PathBuf>,
}

/// Plays an episode; `None` if it was interrupted.
///
/// # Errors
/// If no episode can be played, or its files can't be written.
pub async fn play(options: &Options, stop: watch::Receiver<bool>) -> Result<Option<Played>, Error> {
    let log = std::env::temp_dir().join(format!("agent-chat-{}.log", std::process::id()));
    let envs = match &options.who {
        Who::Agent { config, .. } if options.envs.is_empty() => &config.envs,
        Who::Agent { .. } | Who::Person(_) => &options.envs,
    };
    let server = match (&envs[..], &options.tasks_root) {
        ([_, ..], _) => None,
        ([], Some(tasks)) => Some(server::start(tasks, &log).await.map_err(|error| from_run(error.into()))?),
        ([], None) => return Err(from_run(run::Error::NoTasks)),
    };
    let urls = server.as_ref().map_or_else(|| envs.clone(), |server| vec![server.url().to_owned()]);
    let played = play_on(options, &urls, stop).await;
    if let Some(server) = server {
        server.stop().await;
        // It matters only while the server starts; a file that stays is small.
        let _ = std::fs::remove_file(&log);
    }
    played
}

async fn play_on(
    options: &Options,
    urls: &[String],
    stop: watch::Receiver<bool>,
) -> Result<Option<Played>, Error> {
    let config = config(&options.who)?;
    let agent = config.agents[0].clone();
    let environments = Environments::connect(urls, Retry::default()).await;
    let environments = environments.map_err(|error| from_run(error.into()))?;
    // A task that the others lack is refused there.
    let (environment, url) = (environments.servers()[0].environment(), &urls[0]);
    let info = environment.info().await.map_err(|status| from_run(call_failed("GetServerInfo")(status)))?;
    let set =
        task_set::requested(config.task_set.as_deref(), options.tasks_root.as_deref()).map_err(from_run)?;
    let set = task_set::offered(&info, set, url).map_err(|error| from_run(error.into()))?;
    let family = options.family.as_ref().or(config.task_families.first().filter(|_| options.task.is_none()));
    let task = task::choose(environment, &set, family.map(String::as_str), options.task.as_deref()).await?;

    let watched = matches!(options.who, Who::Agent { .. });
    let (model, prompts): (Arc<dyn Model>, Prompts) = if watched {
        let cache = config.cache_db_path.as_deref().map(model::Cache::open).transpose();
        let cache = cache.map_err(|error| from_run(run::Error::Cache(error)))?;
        let model = model::from_config(&agent.llm, cache.as_ref()).await.map_err(Error::Model)?;
        let prompts = Prompts::read(config.prompts.as_deref()).map_err(|error| from_run(error.into()))?;
        (model, prompts)
    } else {
        let prompts = Prompts::with(Text::CodeAct, TOLD).map_err(|error| from_run(error.into()))?;
        (Arc::new(person::AtTerminal::new()), prompts)
    };
    let screen = Arc::new(Screen::new(watched));
    let played = match model.check_family(&task.family) {
        Ok(()) => {
            let player = Player {
                agent,
                model: model.clone(),
                prompts: Arc::new(prompts),
                environments,
                watcher: Some(screen.clone()),
            };
            let layout = options.out.as_deref().map(layout);
            let job = job(&config, player, &task, &info, layout.as_ref())?;
            keep(&job, layout.as_ref(), &screen, stop).await
        }
        Err(error) => Err(Error::Model(error)),
    };
    model.release().await;
    played
}

/// Plays the episode, and writes its files if they are kept.
async fn keep(
    job: &Job,
    layout: Option<&Layout>,
    screen: &Screen,
    stop: watch::Receiver<bool>,
) -> Result<Option<Played>, Error> {
    let Some(episode) = job.play(stop).await else { return Ok(None) };
    screen.end(&episode.result);
    let page = match layout {
        None => None,
        Some(layout) => {
            job.write(layout, &episode).map_err(from_run)?;
            Some(layout.trace_html(job.agent(), &job.task().family, &job.task().task_id))
        }
    };
    Ok(Some(Played { result: episode.result, page }))
}

fn layout(out: &Path) -> Layout {
    Layout { root: out.to_owned() }
}

/// The run config of whoever plays, with one agent.
fn config(who: &Who) -> Result<RunConfig, Error> {
    let (config, name) = match who {
        Who::Person(person) => return Ok(person.config()),
        Who::Agent { config, agent } => (config, agent),
    };
    let names = || config.agents.iter().map(|agent| agent.name.as_str()).collect::<Vec<_>>().join(", ");
    let of_name = |agent: &&AgentConfig| name.as_ref().is_none_or(|name| agent.name == *name);
    let found: Vec<&AgentConfig> = config.agents.iter().filter(of_name).collect();
    match (found.as_slice(), name) {
        ([agent], _) => Ok(RunConfig { agents: vec![(*agent).clone()], ..(**config).clone() }),
        (_, Some(name)) => Err(Error::NoSuchAgent { name: name.clone(), names: names() }),
        (_, None) => Err(Error::WhichAgent { names: names() }),
    }
}

/// The episode to play.
fn job(
    config: &RunConfig,
    player: Player,
    task: &proto::env::v1::TaskSummary,
    info: &proto::env::v1::GetServerInfoResponse,
    layout: Option<&Layout>,
) -> Result<Job, Error> {
    if let Some(layout) = layout {
        let path = layout.result(&player.agent.name, &task.family, &task.task_id);
        if path.exists() {
            return Err(Error::Played { path });
        }
    }
    Ok(plan::job(config, &player, task, info, &plan::attempt()))
}
