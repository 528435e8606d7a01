//! Which task is played.

use client::Environment;
use proto::env::v1::TaskSummary;

use super::error::{Error, from_run};
use crate::run::call_failed;

/// The task of this id or, without one, the first; of a family, if one is named.
///
/// # Errors
/// If there is none, or the server can't be asked.
pub async fn choose(
    environment: &Environment,
    set: &str,
    family: Option<&str>,
    task: Option<&str>,
) -> Result<TaskSummary, Error> {
    let most = if task.is_some() { usize::MAX } else { 1 };
    let tasks = environment.tasks(set, family.unwrap_or_default(), most).await;
    let tasks = tasks.map_err(|status| from_run(call_failed("ListTasks")(status)))?;
    let Some(first) = tasks.first() else {
        let family = family.unwrap_or_default().to_owned();
        return Err(Error::NoSuchFamily { set: set.to_owned(), family });
    };
    let such_as = first.task_id.clone();
    let found = tasks.into_iter().find(|found| task.is_none_or(|task| found.task_id == task));
    found.ok_or_else(|| Error::NoSuchTask {
        set: set.to_owned(),
        task: task.unwrap_or_default().to_owned(),
        such_as,
    })
}
