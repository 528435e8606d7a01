//! Task configs, as far as a study has to understand them.

use std::ops::Range;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::experiment::Tasks;

/// A config of `env-server generate`, with the changes that the experiment makes.
#[derive(Clone, Debug)]
pub struct TaskSet {
    /// The config.
    pub config: Value,
    /// The families that have tasks.
    pub families: Vec<String>,
    /// Number of tasks of each family.
    pub num_tasks: u64,
    /// The first task's seed.
    pub seed_start: u64,
}

impl TaskSet {
    /// Reads a config and makes the changes.
    ///
    /// # Errors
    /// If the config can't be read or used; the message names the file.
    pub fn read(name: &str, tasks: &Tasks) -> Result<Self> {
        let path = &tasks.config;
        let mut config: Value = files::read_json(path)?;
        let Some(keys) = config.as_object_mut() else { bail!("{}: must be an object", path.display()) };
        keys.insert("run_name".to_owned(), json!(name));
        // The command line says where tasks go; the key does not matter.
        keys.insert("out_dir".to_owned(), json!("tasks"));
        keys.shift_remove("max_workers");
        if let Some(seed) = tasks.seed_start {
            keys.insert("seed_start".to_owned(), json!(seed));
        }
        let seed_start = keys.get("seed_start").and_then(Value::as_u64);
        let seed_start =
            seed_start.with_context(|| format!("{}: `seed_start` must be a number", path.display()))?;
        let (mut families, mut counts) = (vec![], vec![]);
        for (family, section) in keys.iter_mut() {
            let Some(count) = section.get_mut("num_tasks") else { continue };
            if let Some(changed) = tasks.num_tasks {
                *count = json!(changed);
            }
            families.push(family.clone());
            counts.push(count.as_u64().unwrap_or(0));
        }
        let num_tasks = counts.iter().max().copied().unwrap_or(0);
        if num_tasks == 0 || counts.iter().any(|count| *count != num_tasks) {
            bail!("{}: `num_tasks` must be there, and the same for every family", path.display());
        }
        Ok(Self { config, families, num_tasks, seed_start })
    }

    /// Number of tasks of all families; with `count`, of at most that many of each.
    pub fn episodes(&self, count: Option<u64>) -> u64 {
        self.num_tasks.min(count.unwrap_or(u64::MAX)) * self.families.len() as u64
    }

    /// Whether this set may share a task with another: they have a family and a seed in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        let seeds =
            |set: &Self| -> Range<u64> { set.seed_start..set.seed_start.saturating_add(set.num_tasks) };
        let (ours, theirs) = (seeds(self), seeds(other));
        let shared = self.families.iter().any(|family| other.families.contains(family));
        shared && ours.start < theirs.end && theirs.start < ours.end
    }
}
