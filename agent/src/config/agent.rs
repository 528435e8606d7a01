//! An agent: a model, a way of acting, an interpreter state.

use acting::style::semantics;
use acting::{AgentType, CutAnswers, Prompt, SeveralBlocks, Style, ToolCalls};
use fields::{Fields, FromJson, Place};
use proto::interpreter_state::InterpreterState;
use proto::semantics::Semantics;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::keys;
use super::llm::{Backend, Llm};
use crate::teachers::policy::Policy;

/// An agent: a model, a way of acting, an interpreter state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentConfig {
    /// Part of the names of the agent's files; unique in the run.
    pub name: String,
    /// How it acts.
    pub agent_type: AgentType,
    /// Whether the interpreter keeps its state from step to step: `persistent_state: true` or `false`. The
    /// key has no default, because every run depends on it.
    #[serde(rename = "persistent_state", serialize_with = "as_persistent")]
    pub interpreter_state: InterpreterState,
    /// How a block of code runs.
    #[serde(skip_serializing_if = "Semantics::is_script")]
    pub semantics: Semantics,
    /// Probability that a persistent interpreter's state is lost before a step, as if the runtime restarted.
    /// The model is not told about it.
    #[serde(skip_serializing_if = "is_zero")]
    pub state_loss: f64,
    /// Model turns after which the episode ends.
    pub max_turns: u32,
    /// Seconds after which the episode ends: no turn begins and no model call continues after them. A step
    /// that is running then is bounded by its own limits and completes.
    pub timeout_s: f64,
    /// Tokens, of prompts and answers over all turns, after which no turn begins; none: no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_tokens: Option<u64>,
    /// Tool calls allowed in one step.
    pub max_tool_calls: u32,
    /// Further limits of the environment.
    #[serde(skip_serializing_if = "keys::is_default")]
    pub limits: StepLimits,
    /// What happens if an answer holds several code blocks.
    #[serde(skip_serializing_if = "keys::is_default")]
    pub several_blocks: SeveralBlocks,
    /// How tools are called, if the agent calls them itself.
    #[serde(skip_serializing_if = "keys::is_default")]
    pub tool_calls: ToolCalls,
    /// What happens if an answer is cut off at the model's limit.
    #[serde(skip_serializing_if = "keys::is_default")]
    pub cut_answers: CutAnswers,
    /// What the model is told.
    #[serde(skip_serializing_if = "keys::is_default")]
    pub prompt: Prompt,
    /// The model.
    pub llm: Llm,
}

impl AgentConfig {
    /// How it acts.
    pub fn style(&self) -> Style {
        Style {
            agent_type: self.agent_type,
            interpreter_state: self.interpreter_state,
            semantics: self.semantics,
            max_turns: self.max_turns,
            several_blocks: self.several_blocks,
            tool_calls: self.tool_calls,
            cut_answers: self.cut_answers,
            prompt: self.prompt,
        }
    }
}

/// Limits of one step, as `runtime_gym.env.v1.Limits` names them. The server's default applies to those that
/// are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StepLimits {
    /// CPU budget, in interpreter fuel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_per_step: Option<u64>,
    /// Wall-clock time, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_clock_per_step_s: Option<f64>,
    /// The interpreter's memory, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Captured standard output, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes_per_step: Option<u64>,
    /// Captured standard error, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_output_bytes_per_step: Option<u64>,
    /// Length of the code, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_bytes_per_step: Option<u64>,
    /// Arguments and answers of a step's tool calls, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_bytes_per_step: Option<u64>,
    /// The interpreter's files, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scratch_bytes: Option<u64>,
}

impl FromJson for AgentConfig {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let name = keys::name(&fields, "name");
        let agent_type = fields.required("agent_type");
        let persistent: Option<Option<bool>> = fields.or_default("persistent_state");
        let semantics = fields.or_as("semantics", Semantics::default(), semantics);
        let state_loss = fields.or("state_loss", 0.0);
        let max_turns = keys::at_least_one(&fields, "max_turns", 40);
        let timeout_s = keys::seconds(&fields, "timeout_s", 600.0);
        let max_total_tokens: Option<Option<u64>> = fields.or_default("max_total_tokens");
        if max_total_tokens == Some(Some(0)) {
            fields.at("max_total_tokens").fail::<()>("must be at least 1");
        }
        let max_tool_calls = keys::at_least_one(&fields, "max_tool_calls", 25);
        let limits = fields.or_default("limits");
        let several_blocks = fields.or_default("several_blocks");
        let tool_calls = fields.or_default("tool_calls");
        let cut_answers = fields.or_default("cut_answers");
        let prompt = fields.or_default("prompt");
        let llm: Option<Llm> = fields.required("llm");
        fields.refuse_unknown();
        if let (Some(AgentType::React), Some(ToolCalls::Native), Some(llm)) = (agent_type, tool_calls, &llm) {
            fields.at("tool_calls").require(llm.backend() != Some(Backend::Inference), || {
                "must be `text` with `backend: inference`: function calling needs `vllm` or `openai`".into()
            });
            fields.at("tool_calls").require(!llm.token_prompts, || {
                "must be `text` with `llm.token_prompts`: the server's parser of calls does not see such answers".into()
            });
        }
        if let (Some(agent_type), Some(llm)) = (agent_type, &llm) {
            check_policy(agent_type, llm, &fields.at("agent_type"));
        }
        fields.at("persistent_state").require(persistent != Some(None), || {
            "is required: true if the interpreter keeps its state from step to step, false if every step \
             starts afresh"
                .into()
        });
        if let Some(state_loss) = state_loss {
            check_state_loss(state_loss, persistent.flatten(), &fields.at("state_loss"));
        }
        Some(Self {
            name: name?,
            agent_type: agent_type?,
            interpreter_state: InterpreterState::from_persistent(persistent??),
            semantics: semantics?,
            state_loss: state_loss?,
            max_turns: max_turns?,
            timeout_s: timeout_s?,
            max_total_tokens: max_total_tokens?,
            max_tool_calls: max_tool_calls?,
            limits: limits?,
            several_blocks: several_blocks?,
            tool_calls: tool_calls?,
            cut_answers: cut_answers?,
            prompt: prompt?,
            llm: llm?,
        })
    }
}

/// Records a problem if a scripted policy acts in another way than the agent.
fn check_policy(agent_type: AgentType, llm: &Llm, place: &Place<'_>) {
    let policy = Policy::named(&llm.model).filter(|_| llm.backend() == Some(Backend::Scripted));
    let (fitting, acts) = match policy {
        Some(Policy::React) => (AgentType::React, "calls tools"),
        Some(Policy::Code(_)) => (AgentType::Codeact, "writes Python"),
        None => return,
    };
    let named = if fitting == AgentType::React { "react" } else { "codeact" };
    place.require(agent_type == fitting, || {
        format!("must be `{named}` with `llm.model: {}`: this scripted policy {acts}", llm.model)
    });
}

fn check_state_loss(state_loss: f64, persistent: Option<bool>, place: &Place<'_>) {
    place.require((0.0..=1.0).contains(&state_loss), || {
        format!("must be within 0 (never) and 1 (before every step), not {state_loss}")
    });
    place.require(state_loss == 0.0 || persistent != Some(false), || {
        "must be 0 or left out with `persistent_state: false`: a resetting interpreter keeps no state to \
         lose"
            .into()
    });
}

impl FromJson for StepLimits {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let fuel_per_step = fields.or_default("fuel_per_step");
        let wall_clock_per_step_s = keys::optional_seconds(&fields, "wall_clock_per_step_s");
        let memory_bytes = fields.or_default("memory_bytes");
        let output_bytes_per_step = fields.or_default("output_bytes_per_step");
        let error_output_bytes_per_step = fields.or_default("error_output_bytes_per_step");
        let code_bytes_per_step = fields.or_default("code_bytes_per_step");
        let tool_bytes_per_step = fields.or_default("tool_bytes_per_step");
        let scratch_bytes = fields.or_default("scratch_bytes");
        fields.refuse_unknown();
        Some(Self {
            fuel_per_step: fuel_per_step?,
            wall_clock_per_step_s: wall_clock_per_step_s?,
            memory_bytes: memory_bytes?,
            output_bytes_per_step: output_bytes_per_step?,
            error_output_bytes_per_step: error_output_bytes_per_step?,
            code_bytes_per_step: code_bytes_per_step?,
            tool_bytes_per_step: tool_bytes_per_step?,
            scratch_bytes: scratch_bytes?,
        })
    }
}

fn is_zero(probability: &f64) -> bool {
    *probability == 0.0
}

fn as_persistent<S: Serializer>(state: &InterpreterState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(state.is_persistent())
}
