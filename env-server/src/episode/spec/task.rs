//! Where an episode's task comes from.

use files::digest;
use proto::task::TaskFile;
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::error::{Error, Violation};
use crate::{family, generate, task_config};

/// The longest inline task, in bytes.
const MAX_INLINE_BYTES: usize = 4 << 20;

/// Where a task comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A task of a set that the server was started with.
    Reference {
        /// The set's name; may be empty where the server has only one.
        set: String,
        /// The task's id.
        task_id: String,
    },
    /// A whole task file, as JSON text.
    Inline(String),
    /// A task that is drawn from a config.
    Generated {
        /// The family.
        family: String,
        /// The family's section of a task config, a JSON object as text.
        config_json: String,
        /// The seed that the task is drawn from.
        seed: u64,
        /// The salt that it is drawn with; empty for none.
        seed_salt: String,
    },
    /// The task that the server's store has for the episode.
    Stored {
        /// The size of the text that the request carried, in bytes.
        bytes: usize,
    },
}

impl Task {
    /// A task that has begun in a tool host.
    ///
    /// # Errors
    /// It is too large.
    pub fn of(begun: &TaskFile) -> Result<Self, Error> {
        let text = serde_json::to_string(begun).map_err(|error| Error::Internal(error.to_string()))?;
        if text.len() > MAX_INLINE_BYTES {
            let why = format!("task, goal, tools and first state have more than {MAX_INLINE_BYTES} bytes");
            return Err(Error::FamilyFault { family: begun.family.clone(), why });
        }
        Ok(Self::Inline(text))
    }

    /// The size of its text, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Reference { .. } => 0,
            Self::Inline(text) => text.len(),
            Self::Generated { config_json, .. } => config_json.len(),
            Self::Stored { bytes } => *bytes,
        }
    }

    /// The name of the task's set, empty for a task that belongs to none, and the task.
    ///
    /// # Errors
    /// An unknown task, one whose file has changed, or a violation for what is not a task or does not give one.
    pub fn load(&self, catalog: &Catalog) -> Result<(String, TaskFile), Error> {
        match self {
            Self::Reference { set, task_id } => catalog.find(set, task_id),
            Self::Inline(text) => Ok((String::new(), inline(text)?)),
            Self::Generated { family, config_json, seed, seed_salt } => {
                let task = generated(family, config_json, *seed, seed_salt)
                    .map_err(|reason| Violation::new("task_from_config", reason))?;
                Ok((String::new(), task))
            }
            Self::Stored { .. } => Err(Error::Internal("the task is in the store".to_owned())),
        }
    }
}

fn inline(text: &str) -> Result<TaskFile, Violation> {
    let violation = |description: String| Violation::new("task_json", description);
    if text.len() > MAX_INLINE_BYTES {
        return Err(violation(format!("is longer than {MAX_INLINE_BYTES} bytes")));
    }
    let value = serde_json::from_str(text).map_err(|error| violation(format!("is not JSON: {error}")))?;
    family::parse(&value).map_err(|error| violation(format!("is not a task file: {error}")))
}

fn generated(family: &str, config_json: &str, seed: u64, salt: &str) -> Result<TaskFile, String> {
    let section =
        serde_json::from_str(config_json).map_err(|error| format!("config_json is not JSON: {error}"))?;
    let config = task_config::parse_section(family, &section).map_err(|problems| problems.to_string())?;
    task_config::check_salt(salt).map_err(|rule| format!("seed_salt {rule}"))?;
    // Another id for another task, without the seed in it.
    let origin = digest::bytes(format!("{seed}/{config_json}/{salt}"));
    let task_id = format!("{family}-{}", &origin[..16]);
    generate::task(&config, seed, salt, &task_id, "inline").map_err(|error| error.reason)
}
