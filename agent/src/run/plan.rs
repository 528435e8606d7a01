//! What a run has to play: which task set, which tasks, which episodes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use proto::env::{self, v1};
use proto::task::Manifest;
use proto::{run as schema, trace};
use sha2::{Digest as _, Sha256};

use super::{Error, Job, call_failed, folder};
use crate::codeact::{Assignment, CodeAct};
use crate::config::RunConfig;
use client::Environment;

/// The server lacks what the run asks for.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The config and the task folder disagree.
    #[error("`task_set` is `{config}`, but the tasks in --tasks-root are `{manifest}`")]
    TwoSets {
        /// What the config says.
        config: String,
        /// What the manifest says.
        manifest: String,
    },
    /// No such task set.
    #[error("the server at {url} does not offer the task set `{set}`; it offers: {offers}")]
    NoSuchSet {
        /// Which server.
        url: String,
        /// The set asked for.
        set: String,
        /// What it has.
        offers: String,
    },
    /// Several task sets, and none was named.
    #[error(
        "the server at {url} offers several task sets ({offers}): name one with `task_set` in the config or with \
         --tasks-root"
    )]
    WhichSet {
        /// Which server.
        url: String,
        /// What it has.
        offers: String,
    },
    /// A result that is there is not of the task of that name.
    #[error(
        "{} was played with {what} {before}, but the server's task of that name has {now}: these are other \
         tasks under the same name; choose another --output-dir or `run_name`, or remove the run folder to start \
         over",
        trace.display()
    )]
    OtherTask {
        /// The trace of the result.
        trace: PathBuf,
        /// What differs.
        what: &'static str,
        /// What it was.
        before: String,
        /// What it is.
        now: String,
    },
    /// No task of a family.
    #[error("`task_families`: the task set `{set}` has no task of the family `{family}`")]
    NoTasks {
        /// Which set.
        set: String,
        /// Which family.
        family: String,
    },
}

/// The task set that config or task folder name. Of the folder, only the
/// manifest is read: the tasks themselves hold hidden data.
pub fn requested_set(config: &RunConfig, tasks_root: Option<&Path>) -> Result<Option<String>, Error> {
    let Some(root) = tasks_root else { return Ok(config.task_set.clone()) };
    let manifest: Manifest = files::read_json(&root.join("manifest.json"))?;
    match &config.task_set {
        Some(set) if *set != manifest.run_name => {
            Err(PlanError::TwoSets { config: set.clone(), manifest: manifest.run_name }.into())
        }
        _ => Ok(Some(manifest.run_name)),
    }
}

/// The task set to play, of those that the server has.
pub fn offered_set(
    info: &v1::GetServerInfoResponse,
    requested: Option<String>,
    url: &str,
) -> Result<String, PlanError> {
    let names: Vec<&str> = info.task_sets.iter().map(|set| set.name.as_str()).collect();
    let offers = || if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    match (requested, &names[..]) {
        (Some(set), names) if names.contains(&set.as_str()) => Ok(set),
        (Some(set), _) => Err(PlanError::NoSuchSet { url: url.to_owned(), set, offers: offers() }),
        (None, [only]) => Ok((*only).to_owned()),
        (None, _) => Err(PlanError::WhichSet { url: url.to_owned(), offers: offers() }),
    }
}

/// The tasks of every family, in the config's and then the server's order.
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
/// [`PlanError::OtherTask`] if a result is there that is not of its task.
pub fn jobs(
    layout: &schema::Layout,
    config: &RunConfig,
    players: &[CodeAct],
    tasks: &[v1::TaskSummary],
    info: &v1::GetServerInfoResponse,
) -> Result<Vec<Job>, PlanError> {
    let attempt = attempt();
    let job = |player: &CodeAct, task: &v1::TaskSummary| {
        Ok(Job {
            player: player.clone(),
            assignment: Assignment {
                task: task.clone(),
                episode_id: episode_id(&[&config.run_name, &player.agent.name, &task.task_id, &attempt]),
                policy_seed: policy_seed(config.seed_start, task),
                versions: versions(player, info),
            },
            kept: kept(layout, player, task)?,
            played: None,
        })
    };
    players.iter().flat_map(|player| tasks.iter().map(move |task| job(player, task))).collect()
}

/// The versions that a completed episode of this task was played with, if there
/// is one. What failed, or lacks a file that can be read, is played again.
fn kept(
    layout: &schema::Layout,
    player: &CodeAct,
    task: &v1::TaskSummary,
) -> Result<Option<trace::Versions>, PlanError> {
    let Some((_, trace)) = folder::completed(layout, &player.agent.name, &task.family, &task.task_id) else {
        return Ok(None);
    };
    let provenance = trace.provenance.unwrap_or_default();
    let differences = [
        ("task seed", provenance.seeds.task.to_string(), task.seed.to_string()),
        (
            "interpreter state",
            provenance.interpreter_state,
            env::state_name(player.agent.interpreter_state()).to_owned(),
        ),
    ];
    match differences.into_iter().find(|(_, before, now)| before != now) {
        None => Ok(Some(provenance.versions)),
        Some((what, before, now)) => {
            let trace = layout.trace(&player.agent.name, &task.family, &task.task_id);
            Err(PlanError::OtherTask { trace, what, before, now })
        }
    }
}

/// What to tell a person of kept results that other programs played.
pub fn version_warning(jobs: &[Job]) -> Option<String> {
    let parts = |versions: &trace::Versions| {
        [
            ("agent", versions.agent_commit.clone()),
            ("env-server", versions.env_server_commit.clone()),
            ("interpreter", versions.interpreter_sha256.clone()),
            ("model", versions.model_sha256.clone()),
            ("adapter", versions.adapter_sha256.clone()),
        ]
    };
    let mut names = BTreeSet::new();
    let mut count = 0;
    for job in jobs {
        let Some(kept) = &job.kept else { continue };
        let pairs = parts(kept).into_iter().zip(parts(&job.assignment.versions));
        let differing: Vec<&str> = pairs.filter(|(was, is)| was != is).map(|(was, _)| was.0).collect();
        count += usize::from(!differing.is_empty());
        names.extend(differing);
    }
    let names: Vec<&str> = names.into_iter().collect();
    (count > 0).then(|| {
        format!(
            "warning: {count} kept results were played by another version ({}); to have them all of one, choose \
             another --output-dir, or remove the run folder",
            names.join(", ")
        )
    })
}

/// The model's seed for a task: the same for every agent, so that agents which
/// differ in one thing can be compared task by task. It has 53 bits, so that
/// every reader of JSON gets the same number.
fn policy_seed(seed_start: u64, task: &v1::TaskSummary) -> u64 {
    let digest = Sha256::digest(format!("{seed_start}/{}/{}", task.family, task.task_id));
    let (head, _) = digest.split_at(8);
    head.iter().fold(0, |seed, &byte| seed << 8 | u64::from(byte)) >> 11
}

/// Tells this start of the run from every other: a server that is still up knows
/// the episodes of an earlier one.
fn attempt() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}", since.as_millis())
}

/// Joins names to an episode id, which takes 128 of [A-Za-z0-9._-].
fn episode_id(parts: &[&str]) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let id: String = parts.join(".").chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    if id.len() <= 128 {
        return id;
    }
    // Too long: the end tells most (task and attempt), a digest the rest.
    let digest: String = Sha256::digest(&id).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}.{}", &id[id.len() - 100..])
}

fn versions(player: &CodeAct, info: &v1::GetServerInfoResponse) -> trace::Versions {
    let weights = player.model.weights();
    trace::Versions {
        agent: crate::VERSION.to_owned(),
        agent_commit: crate::COMMIT.to_owned(),
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
    use proto::env::v1;

    use super::{episode_id, offered_set};

    #[test]
    fn episode_ids_keep_to_what_the_server_takes() {
        assert_eq!(episode_id(&["run", "a b", "task-1", "ff"]), "run.a_b.task-1.ff");
        let long = "x".repeat(200);
        let (one, other) = (episode_id(&[&long, "task-1"]), episode_id(&[&long, "y", "task-1"]));
        assert!(one.len() <= 128 && one.ends_with("task-1") && one != other);
    }

    #[test]
    fn a_task_set_is_named_or_the_only_one() {
        let info = |names: &[&str]| v1::GetServerInfoResponse {
            task_sets: (names.iter().map(|name| (*name).to_owned()))
                .map(|name| v1::TaskSet { name, ..v1::TaskSet::default() })
                .collect(),
            ..v1::GetServerInfoResponse::default()
        };
        assert_eq!(offered_set(&info(&["easy"]), None, "url").unwrap(), "easy");
        assert_eq!(offered_set(&info(&["easy", "hard"]), Some("hard".into()), "url").unwrap(), "hard");
        let error = offered_set(&info(&["easy", "hard"]), Some("odd".into()), "url").unwrap_err().to_string();
        assert!(error.contains("`odd`") && error.contains("easy, hard"), "{error}");
        let error = offered_set(&info(&["easy", "hard"]), None, "url").unwrap_err().to_string();
        assert!(error.contains("task_set") && error.contains("easy, hard"), "{error}");
    }
}
