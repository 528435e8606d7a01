//! Which episodes there are to play.

use std::time::SystemTime;

use client::Environment;
use proto::env::v1;
use proto::run::Layout;
use proto::trace::Versions;
use sha2::{Digest as _, Sha256};

use super::error::{Error, PlanError, call_failed};
use super::job::Job;
use super::kept;
use crate::config::RunConfig;
use crate::episode::{Assignment, MAX_ID, Player};
use crate::version;

/// The tasks of every family: families in the config's order, tasks in the server's.
///
/// # Errors
/// If a family has no task, or the server can't be asked.
pub async fn tasks(
    environment: &Environment,
    config: &RunConfig,
    set: &str,
    max_examples: Option<usize>,
) -> Result<Vec<v1::TaskSummary>, Error> {
    let mut all = Vec::new();
    for family in &config.task_families {
        let tasks = environment
            .tasks(set, family, max_examples.unwrap_or(usize::MAX))
            .await
            .map_err(call_failed("ListTasks"))?;
        if tasks.is_empty() {
            return Err(PlanError::NoTasks { set: set.to_owned(), family: family.clone() }.into());
        }
        all.extend(tasks);
    }
    Ok(all)
}

/// Every agent on every task.
///
/// # Errors
/// [`PlanError::OtherTask`] if a result in the folder belongs to another task of the same name.
pub fn jobs(
    layout: &Layout,
    config: &RunConfig,
    players: &[Player],
    tasks: &[v1::TaskSummary],
    info: &v1::GetServerInfoResponse,
) -> Result<Vec<Job>, PlanError> {
    let attempt = attempt();
    let job = |player: &Player, task: &v1::TaskSummary| {
        let kept = kept::versions(layout, player, task)?;
        Ok(Job { kept, ..job(config, player, task, info, &attempt) })
    };
    players.iter().flat_map(|player| tasks.iter().map(move |task| job(player, task))).collect()
}

/// One agent on one task; `attempt` distinguishes this start of the run from all others.
pub fn job(
    config: &RunConfig,
    player: &Player,
    task: &v1::TaskSummary,
    info: &v1::GetServerInfoResponse,
    attempt: &str,
) -> Job {
    Job {
        player: player.clone(),
        assignment: Assignment {
            task: task.clone(),
            episode_id: episode_id(&[&config.run_name, &player.agent.name, &task.task_id, attempt]),
            policy_seed: policy_seed(config.seed_start, task),
            versions: versions(player, info),
        },
        kept: None,
        played: None,
    }
}

/// The model's seed for a task. It is the same for every agent, so that agents can be compared task by task,
/// and has 53 bits, so that every JSON reader gets the same number.
fn policy_seed(seed_start: u64, task: &v1::TaskSummary) -> u64 {
    let digest = Sha256::digest(format!("{seed_start}/{}/{}", task.family, task.task_id));
    let (head, _) = digest.split_at(8);
    head.iter().fold(0, |seed, &byte| seed << 8 | u64::from(byte)) >> 11
}

/// Distinguishes this start of the run from all others: a server that is still running knows the episodes of
/// an earlier start.
pub fn attempt() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}", since.as_millis())
}

/// Joins names to the client's part of an episode id, of [A-Za-z0-9._-].
fn episode_id(parts: &[&str]) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let id: String = parts.join(".").chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    if id.len() <= MAX_ID {
        return id;
    }
    // Too long: the end (task and attempt) stays, a digest replaces the rest.
    let digest: String = Sha256::digest(&id).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}.{}", &id[id.len() - (MAX_ID - digest.len() - 1)..])
}

fn versions(player: &Player, info: &v1::GetServerInfoResponse) -> Versions {
    let weights = player.model.weights();
    Versions {
        agent: version::VERSION.to_owned(),
        agent_commit: version::COMMIT.to_owned(),
        env_server: info.version.clone(),
        env_server_commit: info.commit.clone(),
        python: info.python_version.clone(),
        interpreter_sha256: info.interpreter_sha256.clone(),
        model: player.model.name().to_owned(),
        model_sha256: weights.model_sha256,
        adapter_sha256: weights.adapter_sha256,
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_ID, episode_id};

    #[test]
    fn episode_ids_keep_to_what_the_server_takes() {
        assert_eq!(episode_id(&["run", "a b", "task-1", "ff"]), "run.a_b.task-1.ff");
        let long = "x".repeat(200);
        let (one, other) = (episode_id(&[&long, "task-1"]), episode_id(&[&long, "y", "task-1"]));
        assert!(one.len() == MAX_ID && one.ends_with("task-1") && one != other);
    }
}
