//! The manifest: what a folder holds, and whether a run may resume in it.

use std::fs;
use std::path::Path;

use proto::task::{Manifest, SCHEMA_VERSION};
use serde_json::{Value, json};

use super::key_order::{sorted, sorted_map};
use super::{Error, GENERATOR_RELEASED};
use crate::task_config::TaskConfig;

/// Makes the folders and the manifest, if `root` is new or holds the same set.
pub(super) fn prepare(config: &TaskConfig, root: &Path) -> Result<(), Error> {
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION.to_owned(),
        run_name: config.run_name.clone(),
        created_at: GENERATOR_RELEASED.to_owned(),
        settings: Value::Object(sorted_map(config.settings())),
    };
    let path = root.join("manifest.json");
    let tasks = root.join("tasks");
    if path.exists() {
        let existing: Manifest = files::read_json(&path)?;
        if let Some(difference) = difference(&existing, &manifest) {
            return Err(Error::OtherSettings { root: root.to_owned(), difference });
        }
    } else if tasks.exists() {
        return Err(Error::NoManifest { root: root.to_owned() });
    } else {
        files::write_json(&path, &sorted(json!(manifest)))?;
    }
    for section in &config.sections {
        let folder = tasks.join(section.family.family());
        fs::create_dir_all(&folder).map_err(|source| Error::Folder { path: folder, source })?;
    }
    Ok(())
}

/// The first key in which two manifests differ.
fn difference(existing: &Manifest, wanted: &Manifest) -> Option<String> {
    fn differing(existing: &Value, wanted: &Value, path: &str) -> Option<String> {
        let (Value::Object(left), Value::Object(right)) = (existing, wanted) else {
            return (existing != wanted).then(|| path.to_owned());
        };
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        left.keys().chain(right.keys()).find_map(|key| {
            differing(
                left.get(key).unwrap_or(&Value::Null),
                right.get(key).unwrap_or(&Value::Null),
                &below(key),
            )
        })
    }
    let ends = [
        ("run_name", &existing.run_name, &wanted.run_name),
        ("created_at", &existing.created_at, &wanted.created_at),
    ];
    let plain = ends.into_iter().find(|(_, left, right)| left != right).map(|(key, ..)| key.to_owned());
    plain.or_else(|| differing(&existing.settings, &wanted.settings, ""))
}
