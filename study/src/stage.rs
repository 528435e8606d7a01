//! A stage: one artifact, made by one program from settings and from the artifacts of other stages.
//!
//! A stage's key is a hash of everything that decides its output. So the name of its folder is known before
//! it runs, and studies that need the same artifact share it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::content_hash;
use crate::kind::Kind;
use crate::model_server::ModelServer;
use crate::programs::Program;

/// Everything that a stage's program printed, in the stage's folder.
const LOG: &str = "log.txt";

/// A stage's output, or an external path, as an input of other stages.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Artifact {
    /// The stage's name, or the external path.
    pub name: String,
    /// The stage's key, or a digest of the external path's content.
    pub key: String,
    /// Where it is.
    pub path: PathBuf,
}

/// The amount of work of a stage, for estimates of its duration.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Work {
    /// Number of units.
    pub amount: u64,
    /// The unit, such as `tokens`.
    pub unit: String,
    /// What decides the speed, such as the model's size: stages that are equal here need about the same time
    /// a unit.
    pub like: String,
}

/// A stage of a study.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Unique in the study, such as `seed1/base/spans`; also the path of the link to it in the study's
    /// folder.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Everything but the inputs that decides its output.
    pub settings: Value,
    /// What it is made from.
    pub inputs: Vec<Artifact>,
    /// SHA-256 over kind, its rules, settings and the inputs' keys.
    pub key: String,
    /// The folder of its output, log and records.
    pub folder: PathBuf,
    /// The output, relative to the folder.
    pub output: PathBuf,
    /// Files that are written for its program to read: names in the folder, and their text.
    pub files: Vec<(&'static str, String)>,
    /// The program that makes it.
    pub program: Program,
    /// The program's arguments.
    pub arguments: Vec<String>,
    /// What serves its models meanwhile.
    pub server: Option<ModelServer>,
    /// How much there is to do.
    pub work: Option<Work>,
}

impl Stage {
    /// The key of a stage of this kind, with these settings and inputs.
    pub fn key(kind: Kind, settings: &Value, inputs: &[Artifact]) -> String {
        let inputs: Vec<&str> = inputs.iter().map(|input| input.key.as_str()).collect();
        content_hash::value(
            &json!({ "rules": kind.rules(), "kind": kind, "settings": settings, "inputs": inputs }),
        )
    }

    /// The name of the folder of a stage with this key.
    pub fn folder_name(kind: Kind, key: &str) -> String {
        format!("{}-{}", kind.name(), &key[..12])
    }

    /// This stage as an input of other stages.
    pub fn artifact(&self) -> Artifact {
        Artifact { name: self.name.clone(), key: self.key.clone(), path: self.output_path() }
    }

    /// The path of its output.
    pub fn output_path(&self) -> PathBuf {
        self.folder.join(&self.output)
    }

    /// The path of its log.
    pub fn log(&self) -> PathBuf {
        self.folder.join(LOG)
    }

    /// The programs whose build decides its output.
    pub fn programs(&self) -> &'static [Program] {
        match self.kind {
            Kind::Tasks => &[Program::EnvServer],
            Kind::Traces => &[Program::Agent, Program::EnvServer],
            Kind::Drills => &[Program::Agent],
            Kind::Train if self.plays() => &[Program::Trainer, Program::Agent, Program::EnvServer],
            Kind::Init | Kind::Prepare | Kind::Train => &[Program::Trainer],
            Kind::Evaluate if self.server.as_ref().is_some_and(ModelServer::is_trainer) => {
                &[Program::Agent, Program::EnvServer, Program::Trainer]
            }
            Kind::Evaluate => &[Program::Agent, Program::EnvServer],
            Kind::Report => &[Program::Analysis],
        }
    }

    /// Whether it is a training on episodes that the model plays itself.
    pub fn plays(&self) -> bool {
        self.kind == Kind::Train && self.settings.get("agent").is_some()
    }

    /// The program's name and arguments.
    pub fn command_line(&self) -> Vec<String> {
        [self.program.name().to_owned()].into_iter().chain(self.arguments.iter().cloned()).collect()
    }
}
