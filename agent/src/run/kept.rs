//! Episodes that an earlier start of the run completed.

use std::collections::BTreeSet;

use proto::env::v1;
use proto::run::Layout;
use proto::trace::Versions;

use super::error::PlanError;
use super::folder;
use super::job::Job;
use crate::episode::Player;

/// The versions that the player's episode of a task was completed with; `None` if it is to be played, because
/// it failed or lacks a readable file.
///
/// # Errors
/// [`PlanError::OtherTask`] if the episode was of another task of the same name.
pub fn versions(
    layout: &Layout,
    player: &Player,
    task: &v1::TaskSummary,
) -> Result<Option<Versions>, PlanError> {
    let Some((_, trace)) = folder::completed(layout, &player.agent.name, &task.family, &task.task_id) else {
        return Ok(None);
    };
    let provenance = trace.provenance.unwrap_or_default();
    let differences = [
        ("task digest", provenance.task_sha256, task.public_sha256.clone()),
        ("interpreter state", provenance.interpreter_state, player.agent.interpreter_state.name().to_owned()),
        ("semantics", provenance.semantics.name().to_owned(), player.agent.semantics.name().to_owned()),
    ];
    match differences.into_iter().find(|(_, before, now)| before != now) {
        None => Ok(Some(provenance.versions)),
        Some((what, before, now)) => {
            let trace = layout.trace(&player.agent.name, &task.family, &task.task_id);
            Err(PlanError::OtherTask { trace, what, before, now })
        }
    }
}

/// A warning if kept results were played by other versions of the programs or models.
pub fn version_warning(jobs: &[Job]) -> Option<String> {
    let parts = |versions: &Versions| {
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
