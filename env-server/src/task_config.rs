//! The task generator's config files, parsed once into typed values.
//!
//! A config is a JSON object: `out_dir`, `run_name`, `seed_start`, `max_workers` (optional), and one section for each
//! family, with `num_tasks` and the family's own keys. A family without a section gets no tasks. An `llm` section is
//! accepted if it is not enabled: tasks are worded without a model.

use std::path::{Path, PathBuf};

use fields::{Collector, Fields, Place, Problems};
use serde_json::{Map, Value, json};

use crate::family::{FAMILIES, FamilyConfig};

/// What to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskConfig {
    /// The output folder, unless the caller names another.
    pub out_dir: PathBuf,
    /// Name of the task set.
    pub run_name: String,
    /// Added to every task's seed.
    pub seed_start: u64,
    /// Number of generating threads.
    pub max_workers: usize,
    /// The families, in the order of [`FAMILIES`]; at least one.
    pub sections: Vec<Section>,
}

/// One family's section.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// How many tasks.
    pub num_tasks: u64,
    /// How they are drawn.
    pub family: FamilyConfig,
}

/// A config that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be read, or is not JSON.
    #[error(transparent)]
    File(#[from] files::Error),
    /// It breaks rules; all of the broken ones are named.
    #[error("{path} is not a task config:\n{problems}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Every rule that is broken.
        problems: Problems,
    },
}

/// Task ids have ten digits; a million tasks is far more than a folder should hold.
const MAX_TASKS: u64 = 1_000_000;
const MAX_WORKERS: u64 = 1_024;
/// Seeds stay below 2^53, up to which every JSON reader is exact.
const MAX_SEED_START: u64 = 9_000_000_000_000_000;

impl TaskConfig {
    /// Reads a config file.
    ///
    /// # Errors
    /// [`Error`], naming the file and everything that is wrong in it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let value: Value = files::read_json(path)?;
        Self::parse(&value).map_err(|problems| Error::Invalid { path: path.to_owned(), problems })
    }

    /// Reads a config.
    ///
    /// # Errors
    /// Everything that is wrong in it, by key.
    pub fn parse(value: &Value) -> Result<Self, Problems> {
        let collector = Collector::default();
        let config = read(value, &collector.root());
        collector.finish(config)
    }

    /// The manifest's `settings`: everything that decides the tasks' bytes, with every default filled in. `out_dir` and
    /// `max_workers` do not.
    pub fn settings(&self) -> Map<String, Value> {
        let mut settings = Map::from_iter([("seed_start".to_owned(), json!(self.seed_start))]);
        for section in &self.sections {
            let mut keys = section.family.settings();
            keys.insert("num_tasks".to_owned(), json!(section.num_tasks));
            settings.insert(section.family.family().to_owned(), Value::Object(keys));
        }
        settings
    }
}

/// Reads one family's section by itself. `num_tasks` is optional there.
///
/// # Errors
/// Everything that is wrong in it, by key.
pub fn parse_section(family: &str, section: &Value) -> Result<FamilyConfig, Problems> {
    let collector = Collector::default();
    let root = collector.root();
    if !FAMILIES.contains(&family) {
        root.key("family").fail::<()>(format!("unknown family {family:?}; known: {}", FAMILIES.join(", ")));
    }
    let config = Fields::new(section, &root.key(family)).and_then(|fields| {
        let config = FamilyConfig::read(family, &fields);
        fields.or::<u64>("num_tasks", 1);
        fields.refuse_unknown();
        config
    });
    collector.finish(config)
}

fn read(value: &Value, root: &Place<'_>) -> Option<TaskConfig> {
    let fields = Fields::new(value, root)?;
    let out_dir =
        fields.required::<String>("out_dir").and_then(|text| not_empty(text, &fields.at("out_dir")));
    let run_name =
        fields.required::<String>("run_name").and_then(|text| not_empty(text, &fields.at("run_name")));
    let seed_start = fields
        .required("seed_start")
        .and_then(|number| within(number, 0, MAX_SEED_START, &fields.at("seed_start")));
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let max_workers = fields
        .or("max_workers", cores)
        .and_then(|number| within(number, 1, MAX_WORKERS, &fields.at("max_workers")));
    refuse_llm(&fields);
    let sections: Vec<Option<Section>> =
        FAMILIES.into_iter().filter_map(|family| section(family, &fields)).collect();
    fields.refuse_unknown();
    if sections.is_empty() {
        return root.fail(format!("has no family's section; known: {}", FAMILIES.join(", ")));
    }
    Some(TaskConfig {
        out_dir: PathBuf::from(out_dir?),
        run_name: run_name?,
        seed_start: seed_start?,
        max_workers: max_workers? as usize,
        sections: sections.into_iter().collect::<Option<_>>()?,
    })
}

/// A family's section: `None` if there is none, `Some(None)` after recording what is wrong in it.
fn section(family: &'static str, fields: &Fields<'_>) -> Option<Option<Section>> {
    let value = fields.raw(family)?;
    Some(Fields::new(value, &fields.at(family)).and_then(|fields| {
        let config = FamilyConfig::read(family, &fields);
        let num_tasks = fields
            .required("num_tasks")
            .and_then(|number| within(number, 1, MAX_TASKS, &fields.at("num_tasks")));
        fields.refuse_unknown();
        Some(Section { num_tasks: num_tasks?, family: config? })
    }))
}

fn refuse_llm(fields: &Fields<'_>) {
    if fields.raw("llm").is_none() {
        return;
    }
    let Some(llm) = fields.object("llm") else { return };
    if llm.or("enabled", false) == Some(true) {
        llm.at("enabled").fail::<()>("not supported: tasks are put into words without a model");
    }
}

fn not_empty(text: String, place: &Place<'_>) -> Option<String> {
    if text.trim().is_empty() { place.fail("must not be empty") } else { Some(text) }
}

fn within(number: u64, lowest: u64, highest: u64, place: &Place<'_>) -> Option<u64> {
    if (lowest..=highest).contains(&number) {
        return Some(number);
    }
    place.fail(format!("must be {lowest} to {highest}, found {number}"))
}
