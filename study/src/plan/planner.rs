//! The plan, and what every stage needs to be added to it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::Value;

use super::place::Place;
use super::task_set::TaskSet;
use crate::content_hash;
use crate::experiment::{Experiment, Model, Sizes};
use crate::kind::Kind;
use crate::model_server::ModelServer;
use crate::programs::Program;
use crate::stage::{Artifact, Stage, Work};

/// A study's stages and what they make.
#[derive(Debug, Default)]
pub struct Plan {
    /// The stages, each after its inputs.
    pub stages: Vec<Stage>,
    /// Training runs; their folders are stages' names.
    pub training: Vec<proto::study::Training>,
    /// Evaluations; their runs are stages' names.
    pub cells: Vec<proto::study::Cell>,
    /// What has to come from outside the study and is missing.
    pub missing: Vec<Missing>,
    /// The stages that a selection left out.
    pub left_out: Vec<Stage>,
    /// The models' sizes, if they are known.
    pub sizes: Option<Sizes>,
}

/// Something that has to come from outside the study and is missing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Missing {
    /// The name of the input, [`Artifact::name`].
    pub input: String,
    /// What the problem is.
    pub problem: String,
}

/// A plan that is being made.
pub struct Planner<'a> {
    pub experiment: &'a Experiment,
    pub place: Place<'a>,
    pub plan: Plan,
    /// The task sets that were read so far, by name.
    pub task_sets: Vec<(String, TaskSet)>,
    /// The external paths that were hashed so far, which may take a while.
    external: Vec<Artifact>,
}

/// What decides a stage's output, and the stage's name.
pub struct Draft {
    pub name: String,
    pub kind: Kind,
    pub settings: Value,
    pub inputs: Vec<Artifact>,
    pub output: PathBuf,
    pub work: Option<Work>,
}

/// How a stage's program is called.
pub struct Call {
    pub program: Program,
    pub arguments: Vec<String>,
    pub files: Vec<(&'static str, String)>,
    pub server: Option<ModelServer>,
}

impl Call {
    /// A call without files and without a server.
    pub fn new(program: Program, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program, arguments, files: vec![], server: None }
    }

    /// The same call with a file for the program to read.
    pub fn with_file(self, name: &'static str, text: String) -> Self {
        let files = self.files.into_iter().chain([(name, text)]).collect();
        Self { files, ..self }
    }
}

impl<'a> Planner<'a> {
    /// An empty plan.
    pub fn new(experiment: &'a Experiment, place: Place<'a>) -> Self {
        let sizes = match &experiment.model {
            Model::Fresh(fresh) => Some(fresh.sizes),
            Model::Folder(folder) => Sizes::read(&folder.path).ok().or(folder.sizes),
        };
        let plan = Plan { sizes, ..Plan::default() };
        Self { experiment, place, plan, task_sets: vec![], external: vec![] }
    }

    /// The output of the stage of this name, if it is planned.
    pub fn planned(&self, name: &str) -> Option<Artifact> {
        self.plan.stages.iter().find(|stage| stage.name == name).map(Stage::artifact)
    }

    /// Adds a stage. `call` gets the stage's folder.
    pub fn add(&mut self, draft: Draft, call: impl FnOnce(&Path) -> Result<Call>) -> Result<Artifact> {
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
        let artifact = stage.artifact();
        self.plan.stages.push(stage);
        Ok(artifact)
    }

    /// A file or folder from outside the study; it is noted as missing if it can't be read.
    pub fn external(&mut self, path: &Path, what: &str) -> Artifact {
        if let Some(artifact) = self.external.iter().find(|artifact| artifact.path == path) {
            return artifact.clone();
        }
        let key = content_hash::path(path).unwrap_or_else(|error| {
            self.note_missing(path, format!("{what} {}: {error}", path.display()));
            "missing".to_owned()
        });
        let artifact = Artifact { name: text(path), key, path: path.to_owned() };
        self.external.push(artifact.clone());
        artifact
    }

    /// Notes that something is missing of an external path.
    pub fn note_missing(&mut self, path: &Path, problem: String) {
        let missing = Missing { input: text(path), problem };
        if !self.plan.missing.contains(&missing) {
            self.plan.missing.push(missing);
        }
    }

    /// [`Work::like`] for work whose speed depends on the model's size and on `what`.
    pub fn like(&self, what: &str) -> String {
        let weights = self.plan.sizes.map_or_else(|| "?".to_owned(), |sizes| sizes.parameters().to_string());
        format!("{weights} weights, {what}")
    }
}

/// A path as an argument.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A config as YAML.
pub fn yaml(value: &Value) -> Result<String> {
    Ok(serde_saphyr::to_string(value)?)
}
