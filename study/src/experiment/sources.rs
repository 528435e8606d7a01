//! What models learn from, and the tasks that it is made from.

use std::path::PathBuf;

use fields::{Fields, FromJson, Place};
use proto::interpreter_state::InterpreterState;
use serde::Serialize;
use serde_json::{Map, Value};

use super::settings::Settings;
use super::state;

/// A task set.
#[derive(Clone, Debug, Serialize)]
pub struct Tasks {
    /// A config of `env-server generate`.
    pub config: PathBuf,
    /// Tasks of each family; none: as the config says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_tasks: Option<u64>,
    /// The first task's seed; none: as the config says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed_start: Option<u64>,
}

fields::object! { Tasks { config: required, num_tasks: or_default, seed_start: or_default } }

/// Traces to learn from.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Traces {
    /// Played by the study.
    Played(Teacher),
    /// Recorded elsewhere.
    Ready(Recorded),
}

/// A scripted policy or a model on a task set.
#[derive(Clone, Debug, Serialize)]
pub struct Teacher {
    /// The task set's name.
    pub tasks: String,
    /// Who plays.
    #[serde(flatten)]
    pub player: Player,
    /// The regime of its interpreter.
    pub state: InterpreterState,
    /// How many tasks of each family are played, the first ones; none: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Settings merged over the experiment's `agent`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub agent: Settings,
    /// Whether only solved episodes are learnt from.
    pub only_solved: bool,
}

/// Who plays a teacher's episodes.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Player {
    /// A scripted policy, by its name.
    Policy(String),
    /// A model on a server: `llm` of an agent in a run config.
    Llm(Settings),
}

impl Player {
    /// The policy's or the model's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Policy(policy) => policy,
            Self::Llm(llm) => llm.get("model").and_then(Value::as_str).unwrap_or_default(),
        }
    }
}

impl FromJson for Teacher {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let tasks = fields.required("tasks");
        let player = player(&fields, place);
        let state = fields.required_as("state", state::read);
        let count = fields.or_default("count");
        let agent = fields.or_default("agent");
        let only_solved = fields.or_default("only_solved");
        fields.refuse_unknown();
        Some(Self {
            tasks: tasks?,
            player: player?,
            state: state?,
            count: count?,
            agent: agent?,
            only_solved: only_solved?,
        })
    }
}

/// Exactly one of `policy` and `llm`.
fn player(fields: &Fields<'_>, place: &Place<'_>) -> Option<Player> {
    let policy: Option<String> = fields.or_default("policy")?;
    let llm: Option<Settings> = fields.or_default("llm")?;
    match (policy, llm) {
        (Some(policy), None) => Some(Player::Policy(policy)),
        (None, Some(llm)) => Some(Player::Llm(llm)),
        (None, None) => place
            .key("policy")
            .fail("missing; name a scripted policy, or describe a model on a server in `llm` instead"),
        (Some(_), Some(_)) => {
            place.key("policy").fail("must be left out with `llm`: a teacher is one of both")
        }
    }
}

/// Traces that were recorded elsewhere.
#[derive(Clone, Debug, Serialize)]
pub struct Recorded {
    /// A folder with traces at any depth, or a `.tar.gz` of one.
    pub folder: PathBuf,
    /// Whether only solved episodes are learnt from.
    pub only_solved: bool,
}

fields::object! { Recorded { folder: required, only_solved: or_default } }

impl Traces {
    /// Whether only solved episodes are learnt from.
    pub fn only_solved(&self) -> bool {
        match self {
            Self::Played(teacher) => teacher.only_solved,
            Self::Ready(recorded) => recorded.only_solved,
        }
    }
}

impl FromJson for Traces {
    /// Traces with a `folder` are recorded elsewhere.
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        match value.get("folder") {
            Some(_) => Recorded::from_json(value, place).map(Self::Ready),
            None => Teacher::from_json(value, place).map(Self::Played),
        }
    }
}

/// Short documents of `agent drills`, which teach copying.
#[derive(Clone, Debug, Serialize)]
pub struct Drills {
    /// Their kind.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// The seed of what is drawn at random.
    pub seed: u64,
}

fields::object! { Drills { kind: required, count: required, seed: or_default } }
