//! What a step does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use proto::env::v1;
use proto::env::v1::step_request::Action;
use proto::run::Evaluation;
use sandbox::{
    Argument, Config, Failure, Interpreter, Sandbox, ToolCall, ToolError, ToolHost as _, ToolRecord,
};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::bridge::Bridge;
use super::error::{Error, Violation};
use super::history::History;
use super::limits::Limits;
use super::state_loss::StateLoss;

/// The moving parts of an episode.
pub struct Play {
    sandbox: Sandbox,
    config: Config,
    limits: Limits,
    tools: Arc<Mutex<Bridge>>,
    state_loss: StateLoss,
    /// Made at the first code step (an episode of tool calls needs none), and anew when its state is lost.
    interpreter: Option<Interpreter>,
    /// A step has run code: where there is no interpreter after that, its state is lost.
    code_ran: bool,
    history: History,
    end: Option<End>,
    closed: bool,
    /// Room among the server's running episodes, given back at the end.
    slot: Option<OwnedSemaphorePermit>,
}

/// How an episode ended.
#[derive(Clone, Debug)]
pub struct End {
    /// Why.
    pub reason: v1::EndReason,
    /// How well the task was solved by then.
    pub evaluation: v1::Evaluation,
}

/// A step's answer.
pub struct Stepped {
    /// The answer.
    pub response: v1::StepResponse,
    /// It was stored: nothing ran now.
    pub repeated: bool,
}

/// A closed episode.
pub struct Closed {
    /// How it ended.
    pub answer: v1::CloseEpisodeResponse,
    /// It was not closed before.
    pub newly: bool,
}

impl Play {
    /// Nothing has happened yet.
    pub fn new(
        sandbox: Sandbox,
        config: Config,
        limits: Limits,
        state_loss: StateLoss,
        tools: Bridge,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            sandbox,
            config,
            limits,
            tools: Arc::new(Mutex::new(tools)),
            state_loss,
            interpreter: None,
            code_ran: false,
            history: History::default(),
            end: None,
            closed: false,
            slot: Some(slot),
        }
    }

    /// Another that stands where this one does: interpreter, task and steps. `slot` is its own.
    ///
    /// # Errors
    /// The episode has ended, there is no room, or a fault of the sandbox.
    pub fn fork(&mut self, slot: OwnedSemaphorePermit) -> Result<Self, Error> {
        if let Some(end) = &self.end {
            return Err(Error::Ended { reason: proto::env::end_reason_name(end.reason) });
        }
        let tools = Arc::new(Mutex::new(lock(&self.tools).fork()));
        let interpreter = self.interpreter.as_mut().map(|interpreter| interpreter.fork(tools.clone()));
        Ok(Self {
            sandbox: self.sandbox.clone(),
            config: self.config.clone(),
            limits: self.limits.clone(),
            tools,
            state_loss: self.state_loss,
            interpreter: interpreter.transpose().map_err(sandbox_error)?,
            code_ran: self.code_ran,
            history: self.history.clone(),
            end: None,
            closed: false,
            slot: Some(slot),
        })
    }

    /// Whether its interpreter holds a place between steps.
    pub fn is_awake(&self) -> bool {
        self.interpreter.as_ref().is_some_and(Interpreter::is_awake)
    }

    /// Puts its interpreter to sleep until the next step.
    pub fn hibernate(&mut self) {
        if let Some(interpreter) = &mut self.interpreter {
            interpreter.hibernate();
        }
    }

    /// The index that the next step must carry.
    pub fn next_step_index(&self) -> u64 {
        self.history.next()
    }

    /// How the episode ended, if it has.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The steps so far, as far as they are kept.
    pub fn steps(&self) -> Vec<v1::StepRecord> {
        self.history.kept().cloned().collect()
    }

    /// Ends the episode, unless it has ended, and frees its interpreter.
    fn finish(&mut self, reason: v1::EndReason) -> &End {
        self.interpreter = None;
        self.slot = None;
        let tools = &self.tools;
        self.end
            .get_or_insert_with(|| End { reason, evaluation: evaluation_to_proto(lock(tools).evaluate()) })
    }

    /// Ends the episode, unless it has ended, and forgets its steps.
    pub fn close(&mut self, reason: v1::EndReason) -> Closed {
        let End { reason, evaluation } = self.finish(reason).clone();
        self.history.clear();
        let newly = !std::mem::replace(&mut self.closed, true);
        let steps = self.history.next();
        let answer =
            v1::CloseEpisodeResponse { end_reason: reason.into(), evaluation: Some(evaluation), steps };
        Closed { answer, newly }
    }

    /// Takes a step, or answers again what a repeated step answered.
    ///
    /// # Errors
    /// A conflict, a gap, an ended episode, a malformed action, or a fault of
    /// the sandbox. The episode is then as it was.
    pub fn step(&mut self, request: v1::StepRequest, queue_time: Duration) -> Result<Stepped, Error> {
        if let Some(response) = self.history.answer(&request)? {
            return Ok(Stepped { response: response.clone(), repeated: true });
        }
        if let Some(end) = &self.end {
            return Err(Error::Ended { reason: proto::env::end_reason_name(end.reason) });
        }
        let index = request.step_index;
        let started = Instant::now();
        let (observation, mut info) = match &request.action {
            None => return Err(Violation::new("action", "is required: code or tool_calls").into()),
            Some(Action::Code(action)) => self.run_code(index, &action.code)?,
            Some(Action::ToolCalls(action)) => self.call_tools(&action.calls)?,
        };
        info.run_time = started.elapsed().try_into().ok();
        info.queue_time = queue_time.try_into().ok();
        info.budget_left = lock(&self.tools).budget_left().into_iter().collect();
        info.steps_left = self.limits.max_steps.saturating_sub(u32::try_from(index + 1).unwrap_or(u32::MAX));

        let response = self.respond(index, observation, info);
        self.history.push(request, response.clone());
        Ok(Stepped { response, repeated: false })
    }

    /// Adds to an observation what Gymnasium's step returns beside it.
    fn respond(&mut self, index: u64, observation: v1::Observation, info: v1::StepInfo) -> v1::StepResponse {
        let terminated = lock(&self.tools).finished();
        let truncated = !terminated && info.steps_left == 0;
        let end = match (terminated, truncated) {
            (true, _) => Some(self.finish(v1::EndReason::Finished).clone()),
            (_, true) => Some(self.finish(v1::EndReason::MaxSteps).clone()),
            _ => None,
        };
        v1::StepResponse {
            step_index: index,
            observation: Some(observation),
            reward: end.as_ref().map_or(0.0, |end| end.evaluation.score),
            terminated,
            truncated,
            end_reason: end.as_ref().map_or(v1::EndReason::Unspecified, |end| end.reason).into(),
            info: Some(info),
            evaluation: end.map(|end| end.evaluation),
        }
    }

    fn run_code(&mut self, index: u64, code: &str) -> Result<(v1::Observation, v1::StepInfo), Error> {
        lock(&self.tools).set_span(tracing::Span::current());
        if self.state_loss.strikes(index) {
            self.interpreter = None;
        }
        let state_lost = self.code_ran && self.interpreter.is_none();
        let interpreter = match &mut self.interpreter {
            Some(interpreter) => interpreter,
            none => none.insert(
                self.sandbox.interpreter(self.config.clone(), self.tools.clone()).map_err(sandbox_error)?,
            ),
        };
        let outcome = interpreter.run(code).map_err(sandbox_error)?;
        self.code_ran = true;
        let (error_kind, exception_type) = outcome.failure.map_or_else(Default::default, failure_to_proto);
        let observation = v1::Observation {
            success: outcome.error.is_none(),
            output: outcome.output,
            output_truncated: outcome.output_truncated,
            error: outcome.error.unwrap_or_default(),
            error_kind: error_kind.into(),
            exception_type,
            globals: outcome.globals,
            tool_results: Vec::new(),
        };
        let definition = |definition: sandbox::Definition| v1::Definition {
            name: definition.name,
            digest: definition.digest,
        };
        let info = v1::StepInfo {
            tool_calls: outcome.tool_calls.into_iter().map(tool_record_to_proto).collect(),
            fuel_used: outcome.fuel_used,
            definitions: outcome.definitions.into_iter().map(definition).collect(),
            state_lost,
            ..Default::default()
        };
        Ok((observation, info))
    }

    fn call_tools(&mut self, calls: &[v1::ToolCall]) -> Result<(v1::Observation, v1::StepInfo), Error> {
        let carried: usize = calls.iter().map(|call| call.name.len() + call.arguments_json.len()).sum();
        let most = self.limits.step.tool_bytes;
        if carried > most {
            let rule = format!("carries {carried} bytes; limits.tool_bytes_per_step is {most}");
            return Err(Violation::new("action.tool_calls", rule).into());
        }
        let mut bytes_left = most - carried;
        // All calls are understood before the first one acts.
        let calls = calls.iter().enumerate().map(tool_call_from_proto).collect::<Result<Vec<_>, _>>()?;
        if calls.is_empty() {
            return Err(Violation::new("action.tool_calls.calls", "holds no call").into());
        }
        let mut tools = lock(&self.tools);
        tools.set_span(tracing::Span::current());
        let allowed = self.limits.step.tool_calls;
        let mut records = Vec::new();
        let mut failure = None;
        for call in calls {
            if records.len() >= allowed as usize {
                let error = format!("Tool call limit exceeded: allowed {allowed} per run.");
                failure = Some((error, v1::ErrorKind::ToolCallLimit, String::new()));
                break;
            }
            let answer = tools.call(&call);
            let record = tool_record_to_proto(ToolRecord { call, answer });
            bytes_left = bytes_left.saturating_sub(record.result_json.len() + record.error.len());
            if !record.error.is_empty() && failure.is_none() {
                failure = Some((record.error.clone(), v1::ErrorKind::Exception, record.error_type.clone()));
            }
            records.push(record);
            if bytes_left == 0 {
                let error = ToolError::too_much_data();
                failure = Some((error.message, v1::ErrorKind::Exception, error.kind.exception().to_owned()));
                break;
            }
        }
        let success = failure.is_none();
        let (error, error_kind, exception_type) = failure.unwrap_or_default();
        let observation = v1::Observation {
            success,
            error,
            error_kind: error_kind.into(),
            exception_type,
            tool_results: records.clone(),
            ..Default::default()
        };
        Ok((observation, v1::StepInfo { tool_calls: records, ..Default::default() }))
    }
}

/// A panic inside a tool call is reported by the call itself; the state it
/// leaves is still the task's.
fn lock(tools: &Mutex<Bridge>) -> MutexGuard<'_, Bridge> {
    tools.lock().unwrap_or_else(PoisonError::into_inner)
}

/// No place for an interpreter is the caller's to retry; the rest is ours.
fn sandbox_error(error: sandbox::Error) -> Error {
    match error {
        sandbox::Error::AtCapacity { max } => Error::Full { limit: max as usize },
        error => Error::Internal(format!("the sandbox failed: {:#}", anyhow::Error::new(error))),
    }
}

/// What a failure of the sandbox's is in the protocol: its kind, and the exception's class name if it is one.
pub fn failure_to_proto(failure: Failure) -> (v1::ErrorKind, String) {
    let kind = match failure {
        Failure::Exception { type_name } => return (v1::ErrorKind::Exception, type_name),
        Failure::Syntax => v1::ErrorKind::Syntax,
        Failure::ToolCallLimit => v1::ErrorKind::ToolCallLimit,
        Failure::OutOfFuel => v1::ErrorKind::Fuel,
        Failure::WallClock => v1::ErrorKind::WallClock,
        Failure::OutOfMemory => v1::ErrorKind::Memory,
        Failure::CodeTooLarge => v1::ErrorKind::CodeSize,
        Failure::Crashed => v1::ErrorKind::Crash,
    };
    (kind, String::new())
}

fn tool_record_to_proto(record: ToolRecord) -> v1::ToolCallRecord {
    let (result_json, error, error_type) = match record.answer {
        Ok(value) => (value.to_string(), String::new(), String::new()),
        Err(error) => (String::new(), error.message, error.kind.exception().to_owned()),
    };
    v1::ToolCallRecord {
        arguments_json: arguments_json(&record.call),
        name: record.call.name,
        result_json,
        error,
        error_type,
    }
}

/// The arguments as the protocol says them. What JSON cannot hold is named by
/// its type.
fn arguments_json(call: &ToolCall) -> String {
    let value = |argument: &Argument| {
        argument.value.clone().unwrap_or_else(|| Value::String(format!("<{}>", argument.python_type)))
    };
    if call.kwargs.is_empty() {
        return Value::Array(call.args.iter().map(value).collect()).to_string();
    }
    let positional: Vec<Value> = call.args.iter().map(value).collect();
    let positional = (!positional.is_empty()).then(|| ("*".to_owned(), Value::Array(positional)));
    let by_keyword = call.kwargs.iter().map(|(name, argument)| (name.clone(), value(argument)));
    Value::Object(positional.into_iter().chain(by_keyword).collect()).to_string()
}

fn tool_call_from_proto((index, call): (usize, &v1::ToolCall)) -> Result<ToolCall, Violation> {
    let field = || format!("action.tool_calls.calls[{index}].arguments_json");
    let (mut args, mut kwargs) = (Vec::new(), Vec::new());
    match serde_json::from_str(&call.arguments_json) {
        Ok(Value::Array(values)) => args = values.into_iter().map(Argument::from).collect(),
        Ok(Value::Object(values)) => {
            kwargs = values.into_iter().map(|(name, value)| (name, Argument::from(value))).collect();
        }
        Ok(_) => {
            return Err(Violation::new(field(), "must be a JSON array (positional) or object (by keyword)"));
        }
        Err(error) => return Err(Violation::new(field(), format!("is not JSON: {error}"))),
    }
    Ok(ToolCall { name: call.name.clone(), args, kwargs })
}

fn evaluation_to_proto(evaluation: Evaluation) -> v1::Evaluation {
    v1::Evaluation {
        is_solved: evaluation.is_solved,
        score: evaluation.score,
        metrics_json: Value::Object(evaluation.metrics).to_string(),
    }
}
