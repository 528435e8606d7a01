//! Which task of the task sets a trace is of.

use proto::trace::Provenance;
use serde_json::json;

use super::error::Error;
use crate::catalog::{Catalog, TaskSummary};
use crate::episode::spec::Task;
use crate::family::FAMILIES;

/// The task that a trace is of: the one with its id and its public data.
///
/// # Errors
/// There is none, or there are several that differ in what is hidden.
pub fn find(catalog: &Catalog, provenance: &Provenance) -> Result<Task, Error> {
    let (id, sha256) = (&provenance.task_id, &provenance.task_sha256);
    if !FAMILIES.contains(&provenance.family.as_str()) {
        let rule = format!(
            "`{}` is no family of this program: its rules are in a tool host, without which nothing can be run again",
            provenance.family
        );
        return Err(Error::field("provenance.family", rule));
    }
    let names: Vec<&str> = catalog.sets().iter().map(crate::task_set::TaskSet::name).collect();
    let names = names.join(", ");
    let mut found = None;
    let mut other = None;
    for set in catalog.sets() {
        let Some(task) = set.read(id) else { continue };
        let task = task.map_err(|error| Error::field("provenance.task_id", error.to_string()))?;
        let summary = TaskSummary::of(set.name(), &task);
        if summary.family != provenance.family {
            let rule = format!("the task `{id}` of the set `{}` is of {}", set.name(), summary.family);
            return Err(Error::field("provenance.family", rule));
        }
        if !sha256.is_empty() && *sha256 != summary.public_sha256 {
            other = Some(summary);
            continue;
        }
        match &found {
            Some((first, known)) if json!(known) != json!(task) => {
                let rule = format!(
                    "is in two task sets with the same public data, `{first}` and `{}`: give one",
                    set.name()
                );
                return Err(Error::field("provenance.task_id", rule));
            }
            _ => found = Some((set.name(), task)),
        }
    }
    match (found, other) {
        (Some((set, _)), _) => Ok(Task::Reference { set: set.to_owned(), task_id: id.clone() }),
        (None, Some(TaskSummary { set, public_sha256, .. })) => {
            let rule = format!(
                "is {sha256}, but the task `{id}` of the set `{set}` has {public_sha256}: another task with the same id; \
                 give the task set that the trace was recorded on"
            );
            Err(Error::field("provenance.task_sha256", rule))
        }
        (None, None) => {
            Err(Error::field("provenance.task_id", format!("no task `{id}` in the task sets ({names})")))
        }
    }
}
