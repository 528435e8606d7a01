//! Rollouts for a trainer: episodes that are played in rounds, with a model that the trainer holds.
//!
//! | module    | what it holds                                              |
//! |-----------|------------------------------------------------------------|
//! | `pipe`    | the trainer, at the other end of standard input and output |
//! | `rounds`  | calls of the model, which all episodes make together       |
//! | `group`   | the rollouts of one group, from a start or from a fork     |
//! | `error`   | why rollouts can't be played                               |
//!
//! What is said is declared in [`proto::rollout`]. All calls of a round are sent together and in the order of the groups, so
//! what the model is asked does not depend on which episode was faster; nor does the agent's clock end a turn or an episode. So the
//! same groups with the same seeds give the same rollouts.

mod error;
mod group;
mod pipe;
mod rounds;

use std::path::PathBuf;
use std::sync::Arc;

use acting::prompts::Prompts;
use client::Retry;
use futures::future::try_join_all;
use proto::env::v1;
use proto::rollout::{FromAgent, Group, Offer, Played, SCHEMA_VERSION, Task, ToAgent};

use self::group::Table;
use self::pipe::Pipe;
use self::rounds::Rounds;
use crate::config::{AgentConfig, Backend, MAX_SECONDS, RunConfig};
use crate::run::{self, Servers, plan, task_set};
use crate::server;

pub use error::Error;
pub use pipe::Lost;

/// What to play.
#[derive(Clone, Debug)]
pub struct Options {
    /// The config, of one agent. Its model is the trainer's.
    pub config: RunConfig,
    /// A task folder: its manifest names the task set.
    pub tasks_root: Option<PathBuf>,
    /// How failed calls to the environment server are repeated.
    pub retry: Retry,
}

/// Checks that a config can play rollouts. Returns its agent, and its prompts.
///
/// # Errors
/// [`Error`], if it has several agents, a model of its own, or prompts that can't be used.
pub fn check(config: &RunConfig) -> Result<(&AgentConfig, Prompts), Error> {
    let [agent] = &config.agents[..] else { return Err(Error::Agents(config.agents.len())) };
    if agent.llm.backend() != Some(Backend::Inference) {
        return Err(Error::Backend);
    }
    Ok((agent, Prompts::read(config.prompts.as_deref()).map_err(run::Error::from)?))
}

/// Offers the tasks to the trainer, and plays what it asks for until it has gone.
///
/// # Errors
/// [`Error`]; the episodes under way are then left to the end of their leases.
pub async fn serve(options: Options) -> Result<(), Error> {
    let Options { config, tasks_root, retry } = options;
    let (agent, prompts) = check(&config)?;
    let agent = &unhurried(agent);
    let set = task_set::requested(config.task_set.as_deref(), tasks_root.as_deref())?;
    let server = match (&config.envs[..], &tasks_root) {
        ([_, ..], _) => None,
        ([], Some(tasks)) => {
            let folder = &config.output_dir;
            std::fs::create_dir_all(folder)
                .map_err(|source| Error::Folder { path: folder.clone(), source })?;
            Some(server::start(tasks, &folder.join("env-server.log")).await.map_err(run::Error::from)?)
        }
        ([], None) => return Err(run::Error::NoTasks.into()),
    };
    let urls = server.as_ref().map_or_else(|| config.envs.clone(), |server| vec![server.url().to_owned()]);
    let connected = run::connect(&urls, retry, &config, set.as_ref(), None).await;
    let served = match connected {
        Ok(servers) => play_all(agent, Arc::new(prompts), servers).await,
        Err(error) => Err(error.into()),
    };
    if let Some(server) = server {
        server.stop().await;
    }
    served
}

/// The agent with the longest time limits: with shorter ones, what is played would depend on how busy the trainer's machine is.
fn unhurried(agent: &AgentConfig) -> AgentConfig {
    let mut agent = AgentConfig { timeout_s: MAX_SECONDS, ..agent.clone() };
    agent.llm.timeout_s = MAX_SECONDS;
    agent
}

/// Everything between the offer and the end of the trainer's words.
async fn play_all(agent: &AgentConfig, prompts: Arc<Prompts>, servers: Servers) -> Result<(), Error> {
    let Servers { environments, info, tasks, .. } = servers;
    let pipe = Arc::new(Pipe::new());
    pipe.say(&FromAgent::Offer(offer(agent, &tasks, info))).await?;
    let table = Table { agent, prompts, environments, tasks: &tasks, start: plan::attempt() };
    let mut batch = 0;
    while let Some(said) = pipe.hear().await? {
        let ToAgent::Play(groups) = said else { return Err(Lost::OutOfTurn.into()) };
        let played = play(&table, &groups, batch, &pipe).await?;
        pipe.say(&FromAgent::Played(played)).await?;
        batch += 1;
    }
    Ok(())
}

fn offer(agent: &AgentConfig, tasks: &[v1::TaskSummary], info: v1::GetServerInfoResponse) -> Offer {
    let task = |task: &v1::TaskSummary| Task {
        family: task.family.clone(),
        task_id: task.task_id.clone(),
        public_sha256: task.public_sha256.clone(),
    };
    Offer {
        schema_version: SCHEMA_VERSION.to_owned(),
        tasks: tasks.iter().map(task).collect(),
        agent: serde_json::to_value(agent).unwrap_or_default(),
        interpreter_sha256: info.interpreter_sha256,
    }
}

/// Plays groups, all at once.
async fn play(table: &Table<'_>, groups: &[Group], batch: u64, pipe: &Arc<Pipe>) -> Result<Played, Error> {
    let offered = table.tasks.len();
    let mut tasks = groups.iter().map(|group| group.task).enumerate();
    if let Some((group, task)) = tasks.find(|(_, task)| *task >= offered) {
        return Err(Error::Task { group, task, offered });
    }
    let rounds = Rounds::new(pipe.clone());
    // All are seated before the first one plays: a round waits for all of them.
    let groups: Vec<_> = (groups.iter().enumerate())
        .map(|(number, group)| table.group(rounds.clone(), batch, number, group))
        .collect();
    let parts = try_join_all(groups).await?;
    Ok(Played {
        steps: parts.iter().map(|part| part.steps).sum(),
        rollouts: parts.into_iter().flat_map(|part| part.rollouts).collect(),
    })
}
