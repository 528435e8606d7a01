//! Which task set to play.

use std::path::Path;

use proto::env::v1;
use proto::task::Manifest;

use super::error::{Error, PlanError};

/// The task set that the config or the task folder names. Only the folder's manifest is read, because the
/// tasks hold hidden data.
///
/// # Errors
/// If config and folder name different sets, or the manifest can't be read.
pub fn requested(config: Option<&str>, tasks_root: Option<&Path>) -> Result<Option<String>, Error> {
    let Some(root) = tasks_root else { return Ok(config.map(str::to_owned)) };
    let manifest: Manifest = files::read_json(&root.join("manifest.json"))?;
    match config {
        Some(set) if set != manifest.run_name => {
            Err(PlanError::TwoSets { config: set.to_owned(), manifest: manifest.run_name }.into())
        }
        _ => Ok(Some(manifest.run_name)),
    }
}

/// The task set to play: the requested one, or the only one that the server has.
///
/// # Errors
/// If the server does not have the requested set, or none is requested and it has not exactly one.
pub fn offered(
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

#[cfg(test)]
mod tests {
    use proto::env::v1;

    use super::offered;

    #[test]
    fn a_task_set_is_named_or_the_only_one() {
        let info = |names: &[&str]| v1::GetServerInfoResponse {
            task_sets: (names.iter().map(|name| (*name).to_owned()))
                .map(|name| v1::TaskSet { name, ..v1::TaskSet::default() })
                .collect(),
            ..v1::GetServerInfoResponse::default()
        };
        assert_eq!(offered(&info(&["easy"]), None, "url").unwrap(), "easy");
        assert_eq!(offered(&info(&["easy", "hard"]), Some("hard".into()), "url").unwrap(), "hard");
        let error = offered(&info(&["easy", "hard"]), Some("odd".into()), "url").unwrap_err().to_string();
        assert!(error.contains("`odd`") && error.contains("easy, hard"), "{error}");
        let error = offered(&info(&["easy", "hard"]), None, "url").unwrap_err().to_string();
        assert!(error.contains("task_set") && error.contains("easy, hard"), "{error}");
    }
}
