//! What an episode is: everything that is decided when it is created.

mod task;

use std::time::Duration;

use proto::interpreter_state::InterpreterState;
use proto::semantics::Semantics;
use proto::task::TaskFile;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::lease;
use super::limits::{Asked, Limits};
use super::state_loss::StateLoss;
use crate::catalog::{Catalog, TaskSummary};
use crate::error::{Error, Violation};
use crate::family;

pub use task::Task;

/// The definition of an episode. Two episodes with equal task, state, limits, seed and losses answer the same actions
/// in the same way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The episode's id.
    pub episode_id: String,
    /// Who owns it. Ids of different tenants have nothing to do with each other.
    pub tenant: String,
    /// Identifies the request that created the episode: SHA-256, in hexadecimal.
    pub request_digest: String,
    /// Where the task comes from.
    pub task: Task,
    /// Which task that is.
    pub task_summary: TaskSummary,
    /// Whether the interpreter's state survives a step.
    pub interpreter_state: InterpreterState,
    /// How blocks of code run.
    pub semantics: Semantics,
    /// The limits in force.
    pub limits: Limits,
    /// The seed in force. Everything random in the episode follows from it.
    pub seed: u64,
    /// How long the episode lives untouched.
    pub lease: Duration,
    /// Whether steps record the names that they define.
    pub record_definitions: bool,
    /// The chance that the interpreter loses its state before a step.
    pub state_loss: StateLoss,
    /// The episode that this one was forked from.
    pub forked_from: Option<String>,
}

/// What a client asks for, not yet checked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The id of the new episode; empty to have one chosen.
    pub episode_id: String,
    /// Identifies the request, but for `boot_id`: SHA-256, in hexadecimal.
    pub digest: String,
    /// Where the task comes from. Required.
    pub task: Option<Task>,
    /// Whether the interpreter's state survives a step. Required.
    pub interpreter_state: Option<InterpreterState>,
    /// How blocks of code run; `None` for a number that stands for nothing.
    pub semantics: Option<Semantics>,
    /// The limits.
    pub limits: Asked,
    /// The seed; `None` takes one that follows from the task's id and public data.
    pub seed: Option<u64>,
    /// How long the episode lives untouched; `None` takes the server's default.
    pub lease: Option<Duration>,
    /// Whether steps record the names that they define.
    pub record_definitions: bool,
    /// The chance that the interpreter loses its state before a step.
    pub state_loss: f64,
    /// The run of the server that the caller knows; empty if any will do.
    pub boot_id: String,
}

/// What a server offers to requests.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Who asks.
    pub tenant: &'a str,
    /// The tasks that a request can name.
    pub catalog: &'a Catalog,
    /// Limits that a request leaves open.
    pub default_limits: &'a Limits,
    /// The highest limits that a request may ask for.
    pub most_limits: &'a Limits,
    /// Lease of a request that asks for none.
    pub default_lease: Duration,
    /// Bytes of memory that an interpreter starts with.
    pub least_memory: usize,
}

impl Spec {
    /// Checks a request. Also returns the task.
    ///
    /// # Errors
    /// A violation for the first field that is wrong, or an unknown task.
    pub fn new(request: Request, terms: &Terms<'_>) -> Result<(Self, TaskFile), Error> {
        let interpreter_state = request.interpreter_state.ok_or_else(|| {
            Violation::new(
                "interpreter_state",
                "must be INTERPRETER_STATE_PERSISTENT or INTERPRETER_STATE_RESET; there is no default",
            )
        })?;
        let semantics = request.semantics.ok_or_else(|| {
            Violation::new(
                "semantics",
                "must be SEMANTICS_SCRIPT or SEMANTICS_NOTEBOOK, or unset for the first",
            )
        })?;
        let limits =
            Limits::new(&request.limits, terms.default_limits, terms.most_limits, terms.least_memory)?;
        let lease = lease::duration(request.lease, terms.default_lease)?;
        let episode_id = episode_id(&request.episode_id)?;
        let task = request
            .task
            .ok_or_else(|| Violation::new("task", "is required: task_ref, task_json or task_from_config"))?;
        let (set, file) = task.load(terms.catalog)?;
        let task_summary = TaskSummary::of(&set, &file);
        let seed = request.seed.unwrap_or_else(|| seed(&task_summary));
        let state_loss = StateLoss::new(request.state_loss, interpreter_state)?;
        let spec = Self {
            episode_id,
            tenant: terms.tenant.to_owned(),
            request_digest: request.digest,
            task_summary,
            task,
            interpreter_state,
            semantics,
            limits,
            seed,
            lease,
            record_definitions: request.record_definitions,
            state_loss,
            forked_from: None,
        };
        Ok((spec, file))
    }

    /// The definition as the store keeps it, which keeps the task beside it.
    #[must_use]
    pub fn to_store(&self) -> Self {
        Self { task: Task::Stored { bytes: self.task.bytes() }, ..self.clone() }
    }

    /// The definition of a fork.
    pub fn fork(&self, episode_id: String, request_digest: String) -> Self {
        Self { episode_id, request_digest, forked_from: Some(self.episode_id.clone()), ..self.clone() }
    }
}

/// The seed of an episode whose request leaves it open. It follows from what an agent may know, so it gives nothing
/// away. Below 2^53, up to which every JSON reader is exact.
fn seed(task: &TaskSummary) -> u64 {
    let digest = Sha256::digest(format!("episode seed/{}/{}", task.task_id, task.public_sha256));
    digest[..8].iter().fold(0, |seed, &byte| seed << 8 | u64::from(byte)) >> 11
}

/// The violation of a request whose task can't be played.
pub fn unplayable(error: &family::Error) -> Violation {
    Violation::new("task_json", format!("is not a task that can be played: {error}"))
}

/// The id of a new episode: `asked`, or a random one if that is empty.
///
/// # Errors
/// A violation if it is too long or has characters that are not allowed.
pub fn episode_id(asked: &str) -> Result<String, Violation> {
    if asked.is_empty() {
        return Ok(uuid::Uuid::new_v4().to_string());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if asked.len() > 128 || !asked.bytes().all(allowed) {
        return Err(Violation::new("episode_id", "must be 1 to 128 of [A-Za-z0-9._-]"));
    }
    Ok(asked.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNAPSACK: &str = r#"{"n_items_range": [25, 40], "weight_range": [5, 20], "value_range": [10, 100],
        "classes": ["A", "B", "C", "D"], "num_allowed_classes": 2, "capacity_ratio_range": [0.35, 0.5]}"#;

    fn request() -> Request {
        let task = Task::Generated {
            family: "knapsack".to_owned(),
            config_json: KNAPSACK.to_owned(),
            seed: 5,
            seed_salt: String::new(),
        };
        Request {
            episode_id: "mine".to_owned(),
            digest: files::digest::bytes("the request"),
            task: Some(task),
            interpreter_state: Some(InterpreterState::Persistent),
            semantics: Some(Semantics::Notebook),
            limits: Asked { max_steps: Some(7), ..Asked::default() },
            seed: Some(u64::MAX),
            lease: Some(Duration::from_millis(1500)),
            record_definitions: true,
            state_loss: 0.1,
            boot_id: String::new(),
        }
    }

    fn check(request: Request) -> Result<Spec, Error> {
        let terms = Terms {
            tenant: "default",
            catalog: &Catalog::default(),
            default_limits: &Limits::default(),
            most_limits: &Limits::default(),
            default_lease: Duration::from_secs(900),
            least_memory: 30 << 20,
        };
        Spec::new(request, &terms).map(|(spec, ..)| spec)
    }

    #[test]
    fn it_survives_serialisation() {
        let spec = check(request()).unwrap();
        for spec in [spec.fork("other".to_owned(), "digest".to_owned()), spec] {
            let text = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), spec, "{text}");
            let stored = spec.to_store();
            let bytes = postcard::to_allocvec(&stored).unwrap();
            assert_eq!(postcard::from_bytes::<Spec>(&bytes).unwrap(), stored);
        }
    }

    #[test]
    fn what_a_request_leaves_open_is_filled_in() {
        let open = Request {
            episode_id: String::new(),
            limits: Asked::default(),
            seed: None,
            lease: None,
            ..request()
        };
        let spec = check(open).unwrap();
        assert!(!spec.episode_id.is_empty());
        assert_eq!(spec.limits, Limits::default());
        assert_eq!(spec.lease, Duration::from_secs(900));
        assert_eq!(spec.task_summary.set, "");
        assert_eq!(spec.seed, seed(&spec.task_summary), "it follows from the task's public data");
        let again = check(Request { seed: None, ..request() }).unwrap();
        assert_eq!(again.seed, spec.seed);
    }

    #[test]
    fn a_wrong_request_names_its_first_field() {
        let inline = |text: &str| Some(Task::Inline(text.to_owned()));
        let cases = [
            ("interpreter_state", Request { interpreter_state: None, task: None, ..request() }),
            ("semantics", Request { semantics: None, task: None, ..request() }),
            ("lease", Request { lease: Some(Duration::ZERO), task: None, ..request() }),
            ("episode_id", Request { episode_id: "a/b".to_owned(), task: None, ..request() }),
            ("task", Request { task: None, state_loss: 2.0, ..request() }),
            ("task_json", Request { task: inline("{"), state_loss: 2.0, ..request() }),
            ("state_loss", Request { state_loss: 2.0, ..request() }),
        ];
        for (field, request) in cases {
            let Err(Error::Invalid(violation)) = check(request) else { panic!("{field} is accepted") };
            assert_eq!(violation.field, field);
        }
    }
}
