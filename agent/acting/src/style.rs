//! How an agent acts, and what its model is told.

use fields::{FromJson, Place};
use proto::conversation::{ObservationFormat, Shown};
use proto::interpreter_state::InterpreterState;
use proto::semantics::Semantics;
use serde::Serialize;
use serde_json::Value;

/// How an agent acts, and what its model is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether it writes Python or calls tools.
    pub agent_type: AgentType,
    /// Whether the interpreter keeps its state from step to step.
    pub interpreter_state: InterpreterState,
    /// How a block of code runs.
    pub semantics: Semantics,
    /// Model turns after which the episode ends.
    pub max_turns: u32,
    /// What happens if an answer holds several code blocks.
    pub several_blocks: SeveralBlocks,
    /// How tools are called, if the agent calls them itself.
    pub tool_calls: ToolCalls,
    /// What happens if an answer is cut off at the model's limit.
    pub cut_answers: CutAnswers,
    /// What the model is told.
    pub prompt: Prompt,
}

impl Style {
    /// Writes Python, in an interpreter of this state; everything else is as the paper has it.
    pub fn codeact(interpreter_state: InterpreterState) -> Self {
        Self {
            agent_type: AgentType::Codeact,
            interpreter_state,
            semantics: Semantics::default(),
            max_turns: 40,
            several_blocks: SeveralBlocks::default(),
            tool_calls: ToolCalls::default(),
            cut_answers: CutAnswers::default(),
            prompt: Prompt::default(),
        }
    }

    /// What the model is shown of a turn's result.
    pub fn shown(&self) -> Shown {
        Shown {
            format: self.prompt.observation,
            error_output: !self.prompt.hide_error_output,
            calls_tools: self.agent_type == AgentType::React,
        }
    }
}

/// How an agent acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentType {
    /// Writes Python.
    Codeact,
    /// Calls tools, and writes no code.
    React,
}

fields::words! { AgentType { "codeact" => Codeact, "react" => React } }

/// How an agent that calls tools does so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolCalls {
    /// By function calling: the model's server is sent the functions, and tells calls and text apart.
    #[default]
    Native,
    /// As text: the prompt describes the functions, and the agent reads the calls in the answer.
    Text,
}

fields::words! { ToolCalls { "native" => Native, "text" => Text } }

/// What happens if an answer holds several code blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeveralBlocks {
    /// None is run, and the model is told so: the paper's rule.
    #[default]
    Refuse,
    /// The first one is run.
    First,
}

fields::words! { SeveralBlocks { "refuse" => Refuse, "first" => First } }

/// What happens if an answer is cut off at `max_tokens` or at the context's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CutAnswers {
    /// Nothing is run, and the model is told so: the paper's rule.
    #[default]
    Refuse,
    /// A block that is complete is run as if the answer were complete.
    Run,
}

fields::words! { CutAnswers { "refuse" => Refuse, "run" => Run } }

/// What a model is told about its runtime. The defaults are the paper's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Prompt {
    /// What the system prompts say about the interpreter state.
    pub runtime: RuntimePrompt,
    /// How much the system prompt and the task say.
    pub detail: PromptDetail,
    /// How an observation is written.
    pub observation: ObservationFormat,
    /// Whether the names in a persistent interpreter are left out of each turn.
    pub hide_names: bool,
    /// Whether standard error is left out of observations.
    pub hide_error_output: bool,
}

/// What the system prompts say about the interpreter state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimePrompt {
    /// The state in force.
    #[default]
    Stated,
    /// Nothing.
    Hidden,
    /// The opposite of the state in force.
    Misstated,
}

/// How much a model is told before its first turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptDetail {
    /// How to act, every function with its description, the whole goal.
    #[default]
    Full,
    /// The functions' names and parameters, and the task's public data without the goal: for models that
    /// learn the rest from traces.
    Brief,
}

/// Reads the type of another crate.
#[derive(Default)]
struct Format(ObservationFormat);

impl FromJson for Format {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        match value.as_str() {
            Some("full") => Some(Self(ObservationFormat::Full)),
            Some("compact") => Some(Self(ObservationFormat::Compact)),
            _ => place.expected("one of full, compact", value),
        }
    }
}

/// Reads the keys of an agent in a run config that say how it acts (agent_configs/README.md). `persistent_state` is required.
impl FromJson for Style {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = fields::Fields::new(value, place)?;
        let persistent = fields.required("persistent_state").map(InterpreterState::from_persistent);
        let own = Self::codeact(persistent.unwrap_or(InterpreterState::Persistent));
        let agent_type = fields.or("agent_type", own.agent_type);
        let semantics = fields.or_as("semantics", own.semantics, semantics);
        let max_turns = fields.or("max_turns", own.max_turns);
        let several_blocks = fields.or_default("several_blocks");
        let tool_calls = fields.or_default("tool_calls");
        let cut_answers = fields.or_default("cut_answers");
        let prompt = fields.or_default("prompt");
        fields.refuse_unknown();
        Some(Self {
            agent_type: agent_type?,
            interpreter_state: persistent?,
            semantics: semantics?,
            max_turns: max_turns?,
            several_blocks: several_blocks?,
            tool_calls: tool_calls?,
            cut_answers: cut_answers?,
            prompt: prompt?,
        })
    }
}

/// Reads how a block of code runs.
pub fn semantics(value: &Value, place: &Place<'_>) -> Option<Semantics> {
    value.as_str().and_then(Semantics::named).or_else(|| {
        let names = Semantics::ALL.map(Semantics::name).join(", ");
        place.expected(&format!("one of {names}"), value)
    })
}

impl FromJson for Prompt {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = fields::Fields::new(value, place)?;
        let runtime = fields.or_default("runtime");
        let detail = fields.or_default("detail");
        let observation: Option<Format> = fields.or_default("observation");
        let hide_names = fields.or_default("hide_names");
        let hide_error_output = fields.or_default("hide_error_output");
        fields.refuse_unknown();
        Some(Self {
            runtime: runtime?,
            detail: detail?,
            observation: observation?.0,
            hide_names: hide_names?,
            hide_error_output: hide_error_output?,
        })
    }
}

fields::words! { RuntimePrompt { "stated" => Stated, "hidden" => Hidden, "misstated" => Misstated } }
fields::words! { PromptDetail { "full" => Full, "brief" => Brief } }
