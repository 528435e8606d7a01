//! The conversation of an episode with a model, in the words of the agent.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use acting::conversation::Turn;
use acting::prompts::Prompts;
use acting::{Conversation as Acting, Style};
use proto::conversation::{Message, ToolCall};
use proto::env::v1;
use proto::env::v1::step_request::Action;
use proto::trace::{self, Step};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::requests::Observed;

/// A message: the role, the content, the calls that it makes, and the call that it answers. A call is its id, name and arguments.
type Said = (&'static str, String, Vec<(String, String, String)>, String);

/// The conversation of an episode.
#[pyclass(frozen)]
pub struct Conversation {
    prompts: Prompts,
    state: Mutex<State>,
}

struct State {
    acting: Acting,
    /// The turn whose action is being run.
    turn: Option<Turn>,
    /// The last turn.
    last: Step,
}

/// `runtime_gym.Tool`.
#[derive(FromPyObject)]
struct Tool {
    name: String,
    description: String,
    parameters: Vec<Parameter>,
    returns: String,
}

#[derive(FromPyObject)]
struct Parameter {
    name: String,
    r#type: String,
}

impl From<Tool> for v1::Tool {
    fn from(tool: Tool) -> Self {
        let parameter = |one: Parameter| v1::ToolParameter { name: one.name, r#type: one.r#type };
        let parameters = tool.parameters.into_iter().map(parameter).collect();
        Self { name: tool.name, description: tool.description, parameters, returns: tool.returns }
    }
}

#[pymethods]
impl Conversation {
    /// `style` and `public` are JSON; `prompts` is a folder with texts that replace ours.
    #[new]
    #[pyo3(signature = (style, prompts, goal, public, tools: "list[Any]", tool_calls_per_step))]
    fn new(
        style: &str,
        prompts: Option<PathBuf>,
        goal: String,
        public: String,
        tools: Vec<Tool>,
        tool_calls_per_step: u32,
    ) -> PyResult<Self> {
        let value = |error: &dyn std::fmt::Display| PyValueError::new_err(error.to_string());
        let style = serde_json::from_str(style).map_err(|error| value(&error))?;
        let style: Style = fields::read(&style).map_err(|problems| value(&problems))?;
        let prompts = Prompts::read(prompts.as_deref()).map_err(|error| value(&error))?;
        let tools = tools.into_iter().map(Into::into).collect();
        let observation = v1::InitialObservation { goal, public_json: public, tools };
        let limits = v1::Limits { tool_calls_per_step, ..v1::Limits::default() };
        let acting = Acting::begin(style, &prompts, &observation, &limits).map_err(|error| value(&error))?;
        Ok(Self { prompts, state: Mutex::new(State { acting, turn: None, last: Step::default() }) })
    }

    /// The messages of the next request to the model.
    fn request(&self) -> PyResult<Vec<Said>> {
        let acting = &self.state().acting;
        let reminder = acting.reminder(&self.prompts);
        let reminder = reminder.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        Ok(acting.request(reminder.as_deref()).into_iter().map(said).collect())
    }

    /// What was said so far.
    fn messages(&self) -> Vec<Said> {
        self.state().acting.messages().iter().cloned().map(said).collect()
    }

    /// What the model is shown of its last turn.
    fn shown(&self) -> Vec<Said> {
        let state = self.state();
        state.acting.replies(&state.last).into_iter().map(said).collect()
    }

    /// An observation of code as a model is shown it, wherever the code came from.
    #[pyo3(signature = (step_index, observation: "object"))]
    fn observation(&self, step_index: u64, observation: Observed) -> String {
        let (result, info) = trace::step_result(step_index, observation.into(), v1::StepInfo::default());
        let step = Step { interpreter_result: Some(result), info: Some(info), ..Step::default() };
        self.state().acting.replies(&step).into_iter().map(|message| message.content).collect()
    }

    /// The functions that the model can call beside its text: JSON in OpenAI's form.
    fn tools(&self) -> Vec<String> {
        self.state().acting.tools().iter().map(ToString::to_string).collect()
    }

    /// Reads the model's answer. Returns the code, or the calls by their names and arguments, that it asks for; `None` if it asks for
    /// nothing that can be run: then the conversation goes on with what the model is told of that.
    #[pyo3(signature = (text, calls, finish_reason) -> "str | list[tuple[str, str]] | None")]
    fn answer<'py>(
        &self,
        py: Python<'py>,
        text: String,
        calls: Vec<(String, String, String)>,
        finish_reason: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut state = self.state();
        let calls = calls.into_iter().map(|(id, name, arguments)| ToolCall { id, name, arguments }).collect();
        let step = Step { assistant_text: text, calls, ..Step::default() };
        let turn = state.acting.read(step, Ok(finish_reason));
        let action = match turn.action() {
            None => {
                state.last = state.acting.push(turn);
                return Ok(None);
            }
            Some(Action::Code(code)) => code.code.into_pyobject(py)?.into_any(),
            Some(Action::ToolCalls(calls)) => {
                let call = |call: v1::ToolCall| (call.name, call.arguments_json);
                calls.calls.into_iter().map(call).collect::<Vec<_>>().into_pyobject(py)?.into_any()
            }
        };
        state.turn = Some(turn);
        Ok(Some(action))
    }

    /// Takes the observation of the action that the last answer asked for.
    #[pyo3(signature = (step_index, observation: "object"))]
    fn observe(&self, step_index: u64, observation: Observed) -> PyResult<()> {
        let mut state = self.state();
        let turn =
            state.turn.take().ok_or_else(|| PyRuntimeError::new_err("no action waits for its observation"));
        let mut turn = turn?;
        turn.answered(step_index, observation.into(), v1::StepInfo::default());
        state.last = state.acting.push(turn);
        Ok(())
    }
}

impl Conversation {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn said(message: Message) -> Said {
    let calls = message.tool_calls.into_iter().map(|call| (call.id, call.name, call.arguments)).collect();
    (message.role.name(), message.content, calls, message.tool_call_id)
}
