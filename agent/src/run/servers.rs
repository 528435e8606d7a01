//! The environment servers of a run: connected, and the same in everything that a result depends on.

use client::{Environments, Retry};
use proto::env::v1;

use super::error::{Error, PlanError, call_failed};
use super::{plan, task_set};
use crate::config::RunConfig;

/// The servers of a run, and what all of them have.
#[derive(Debug)]
pub struct Servers {
    /// The servers.
    pub environments: Environments,
    /// What the first says of itself.
    pub info: v1::GetServerInfoResponse,
    /// The task set that is played.
    pub set: String,
    /// The tasks to play.
    pub tasks: Vec<v1::TaskSummary>,
}

/// Connects to servers, at least one, and lists the tasks to play.
///
/// # Errors
/// If a server can't be reached, lacks the tasks, or differs from the first.
pub async fn connect(
    urls: &[String],
    retry: Retry,
    config: &RunConfig,
    set: Option<&String>,
    max_examples: Option<usize>,
) -> Result<Servers, Error> {
    let environments = Environments::connect(urls, retry).await?;
    let mut first: Option<(v1::GetServerInfoResponse, String, Vec<v1::TaskSummary>)> = None;
    for server in environments.servers() {
        let (environment, url) = (server.environment(), server.url());
        let info = environment.info().await.map_err(call_failed("GetServerInfo"))?;
        let set = task_set::offered(&info, set.cloned(), url)?;
        let tasks = plan::tasks(environment, config, &set, max_examples).await?;
        match &first {
            None => first = Some((info, set, tasks)),
            Some((others, ..)) if others.interpreter_sha256 != info.interpreter_sha256 => {
                return Err(differs(urls, url, "interpreter"));
            }
            Some((others, ..)) if others.commit != info.commit => return Err(differs(urls, url, "commit")),
            Some((.., others)) if !same_tasks(others, &tasks) => return Err(differs(urls, url, "tasks")),
            Some(_) => {}
        }
    }
    let (info, set, tasks) = first.ok_or(Error::NoTasks)?;
    Ok(Servers { environments, info, set, tasks })
}

fn differs(urls: &[String], url: &str, what: &'static str) -> Error {
    PlanError::OtherServer { first: urls[0].clone(), url: url.to_owned(), what }.into()
}

fn same_tasks(one: &[v1::TaskSummary], other: &[v1::TaskSummary]) -> bool {
    let key = |task: &v1::TaskSummary| (task.task_id.clone(), task.public_sha256.clone());
    one.iter().map(key).eq(other.iter().map(key))
}
