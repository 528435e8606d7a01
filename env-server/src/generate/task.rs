//! Generating one task.

use proto::task::{NaturalLanguage, SCHEMA_VERSION, TaskFile};
use sha2::{Digest as _, Sha256};

use super::key_order::sorted_map;
use crate::family::{self, FamilyConfig};

/// The `generated_at` and `created_at` of generated files: the generator's release date. The time of day would make the
/// bytes of every run different. The date changes whenever the same config would give other tasks, and with it
/// `study`'s `Kind::rules`.
pub const GENERATOR_RELEASED: &str = "2026-11-28T00:00:00Z";

/// One task that could not be generated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{task_id} (seed {seed}): {reason}")]
pub struct TaskError {
    /// The task's id.
    pub task_id: String,
    /// Its family.
    pub family: String,
    /// Its seed.
    pub seed: u64,
    /// Why.
    pub reason: String,
}

/// The seed of a family's task: `seed_start`, plus the first 8 hex digits of the
/// SHA-256 of the family's name, plus the task's index.
pub fn seed(seed_start: u64, family: &str, index: u64) -> u64 {
    let digest = Sha256::digest(family.as_bytes());
    let offset = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    seed_start + u64::from(offset) + index
}

/// Draws one task. The same arguments give the same task everywhere. `salt` may be empty: then the task can be drawn
/// again by everybody who knows the other arguments.
///
/// # Errors
/// [`TaskError`] if the settings give no task from this seed.
pub fn task(
    config: &FamilyConfig,
    seed: u64,
    salt: &str,
    task_id: &str,
    run_name: &str,
) -> Result<TaskFile, TaskError> {
    let failed = |reason: String| TaskError {
        task_id: task_id.to_owned(),
        family: config.family().to_owned(),
        seed,
        reason,
    };
    let drawn = config.draw(seed, salt).map_err(failed)?;
    let mut task = TaskFile {
        beginning: None,
        difficulty: sorted_map(drawn.difficulty),
        family: config.family().to_owned(),
        generated_at: GENERATOR_RELEASED.to_owned(),
        nl: NaturalLanguage {
            instructions: String::new(),
            output_format: drawn.output_format.to_owned(),
            title: drawn.title.to_owned(),
        },
        private: sorted_map(drawn.private),
        public: sorted_map(drawn.public),
        reference: sorted_map(drawn.reference),
        run_name: run_name.to_owned(),
        schema_version: SCHEMA_VERSION.to_owned(),
        seed,
        task_id: task_id.to_owned(),
        tools: None,
    };
    let environment = family::open(&task).map_err(|error| failed(error.to_string()))?;
    task.nl.instructions = environment.goal();
    task.tools = Some(environment.tools().to_vec());
    Ok(task)
}
