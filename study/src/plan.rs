//! What an experiment comes to: all stages, in an order in which each finds what it needs.
//!
//! Nothing is read here but the experiment, the task configs it names, and whatever comes from outside. Keys, and so
//! folders, follow from those alone: what a stage will make has its place before anything runs.

mod cells;
mod data;
mod models;
mod task_set;

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::Value;
use task_set::TaskSet;

use crate::digest;
use crate::experiment::{Experiment, Model, Sizes};
use crate::programs::Program;
use crate::stage::{Kind, Made, Server, Stage, Work};

/// All that is to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// In order.
    pub stages: Vec<Stage>,
    /// Training runs; their folders are stages' names.
    pub training: Vec<proto::study::Training>,
    /// Evaluations; their runs are stages' names.
    pub cells: Vec<proto::study::Cell>,
    /// What has to come from outside, and is not there.
    pub missing: Vec<String>,
    /// How large the models are, if that is known.
    pub sizes: Option<Sizes>,
}

/// Where a study's things go.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// What all studies share: `stages`, and a folder for each study.
    pub out: &'a Path,
    /// The study's name.
    pub name: &'a str,
}

impl Place<'_> {
    /// All studies' stages.
    pub fn stages(&self) -> PathBuf {
        self.out.join("stages")
    }

    /// The study's own folder.
    pub fn study(&self) -> PathBuf {
        self.out.join(self.name)
    }
}

/// Makes a plan. `analysis` is the SHA-256 of the program that writes the report: a report is made again by a newer
/// one.
///
/// # Errors
/// If the parts of the experiment do not fit each other.
pub fn plan(experiment: &Experiment, place: Place<'_>, analysis: &str) -> Result<Plan> {
    let mut planner =
        Planner { experiment, place, plan: Plan::default(), task_sets: vec![], from_outside: vec![] };
    planner.plan.sizes = planner.sizes();
    for seed in experiment.repeats() {
        let base = planner.base(seed)?;
        for name in experiment.adapters.keys() {
            planner.adapter(seed, name, &base)?;
        }
        planner.cells(seed, &base)?;
    }
    planner.keep_apart()?;
    planner.report(analysis)?;
    Ok(planner.plan)
}

struct Planner<'a> {
    experiment: &'a Experiment,
    place: Place<'a>,
    plan: Plan,
    /// Those that were asked for, by name.
    task_sets: Vec<(String, TaskSet)>,
    /// What was hashed, as that may take a while.
    from_outside: Vec<Made>,
}

/// What decides what a stage makes, and what it is called.
struct Draft {
    name: String,
    kind: Kind,
    settings: Value,
    inputs: Vec<Made>,
    output: PathBuf,
    work: Option<Work>,
}

/// How a stage's program is called.
struct Call {
    program: Program,
    arguments: Vec<String>,
    files: Vec<(&'static str, String)>,
    server: Option<Server>,
}

impl Call {
    fn new(program: Program, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program, arguments, files: vec![], server: None }
    }

    /// With a file for the program to read.
    fn with_file(self, name: &'static str, text: String) -> Self {
        Self { files: vec![(name, text)], ..self }
    }
}

impl Planner<'_> {
    /// What a stage of this name makes, if it is planned.
    fn planned(&self, name: &str) -> Option<Made> {
        self.plan.stages.iter().find(|stage| stage.name == name).map(Stage::made)
    }

    /// Adds a stage; the call is told its folder.
    fn add(&mut self, draft: Draft, call: impl FnOnce(&Path) -> Result<Call>) -> Result<Made> {
        let Draft { name, kind, settings, inputs, output, work } = draft;
        let key = Stage::key(kind, &settings, &inputs);
        let folder = self.place.stages().join(Stage::folder_name(kind, &key));
        let Call { program, arguments, files, server } = call(&folder)?;
        let stage = Stage {
            name,
            kind,
            settings,
            inputs,
            key,
            folder,
            output,
            files,
            program,
            arguments,
            server,
            work,
        };
        let made = stage.made();
        self.plan.stages.push(stage);
        Ok(made)
    }

    /// Something from outside; noted if it is not there.
    fn outside(&mut self, path: &Path, what: &str) -> Made {
        if let Some(made) = self.from_outside.iter().find(|made| made.path == path) {
            return made.clone();
        }
        let key = digest::path(path).unwrap_or_else(|error| {
            self.miss(format!("{what} {}: {error}", path.display()));
            "missing".to_owned()
        });
        let made = Made { name: text(path), key, path: path.to_owned() };
        self.from_outside.push(made.clone());
        made
    }

    fn miss(&mut self, problem: String) {
        if !self.plan.missing.contains(&problem) {
            self.plan.missing.push(problem);
        }
    }

    /// How large the models are.
    fn sizes(&mut self) -> Option<Sizes> {
        match &self.experiment.model {
            Model::Fresh(fresh) => Some(fresh.sizes),
            Model::Folder(folder) => Sizes::read(&folder.path).ok().or(folder.sizes),
        }
    }

    /// What tells stages of about the same speed.
    fn like(&self, what: &str) -> String {
        let weights = self.plan.sizes.map_or_else(|| "?".to_owned(), |sizes| sizes.parameters().to_string());
        format!("{weights} weights, {what}")
    }
}

/// A path as an argument.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A config as a program reads it.
fn yaml(value: &Value) -> Result<String> {
    Ok(serde_saphyr::to_string(value)?)
}
