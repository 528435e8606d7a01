//! Playing an episode: what its steps change.

mod code;
mod tool_calls;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use proto::task::{ToolParameter, ToolSpec};
use sandbox::{Config, Interpreter, Sandbox};
use tokio::sync::OwnedSemaphorePermit;

use super::bridge::Bridge;
use super::end::{End, EndReason};
use super::history::{History, Measure, Page};
use super::limits::Limits;
use super::spec::Spec;
use super::state_loss::StateLoss;
use super::step::{Action, Answer, Info, Observation, Record, Request};
use crate::error::{Error, Violation};

/// The state of an episode.
pub struct Play {
    sandbox: Sandbox,
    config: Config,
    limits: Limits,
    tools: Arc<Mutex<Bridge>>,
    state_loss: StateLoss,
    /// Made by the first code step, and made again after its state is lost. Direct tool calls need none.
    interpreter: Option<Interpreter>,
    /// Whether a step has run code. If there is no interpreter after that, its state is lost.
    code_ran: bool,
    history: History,
    end: Option<End>,
    closed: bool,
    /// A place among the server's running episodes, given back when the episode ends.
    slot: Option<OwnedSemaphorePermit>,
}

/// A step that was taken.
pub struct Stepped {
    /// The step and its answer.
    pub record: Arc<Record>,
    /// Whether the answer was stored: nothing ran now.
    pub repeated: bool,
}

/// A closed episode.
pub struct Closed {
    /// How it ended.
    pub end: End,
    /// Steps taken.
    pub steps: u64,
    /// Whether it was open before.
    pub newly: bool,
}

impl Play {
    /// An episode before its first step. `measure` says how many bytes a kept step counts as.
    pub fn new(
        sandbox: Sandbox,
        spec: &Spec,
        tools: &[ToolSpec],
        bridge: Bridge,
        slot: OwnedSemaphorePermit,
        measure: Measure,
    ) -> Self {
        let config = Config {
            state: spec.interpreter_state,
            semantics: spec.semantics,
            seed: spec.seed,
            limits: spec.limits.step.clone(),
            tools: tools.iter().map(python_function).collect(),
            record_definitions: spec.record_definitions,
        };
        Self {
            sandbox,
            config,
            limits: spec.limits.clone(),
            tools: Arc::new(Mutex::new(bridge)),
            state_loss: spec.state_loss,
            interpreter: None,
            code_ran: false,
            history: History::new(measure),
            end: None,
            closed: false,
            slot: Some(slot),
        }
    }

    /// A copy of interpreter, task and steps. The copy occupies `slot`.
    ///
    /// # Errors
    /// The episode has ended, there is no room, or the sandbox failed.
    pub fn fork(&mut self, slot: OwnedSemaphorePermit) -> Result<Self, Error> {
        self.check_running()?;
        let tools = Arc::new(Mutex::new(self.bridge().fork()));
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

    /// Whether the interpreter is in memory between steps.
    pub fn is_awake(&self) -> bool {
        self.interpreter.as_ref().is_some_and(Interpreter::is_awake)
    }

    /// Hibernates the interpreter until the next step.
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

    /// A page of the steps that are kept.
    ///
    /// # Errors
    /// See [`History::page`].
    pub fn steps(&self, from: Option<u64>) -> Result<Page, Error> {
        self.history.page(from)
    }

    /// Takes a step, or returns the stored answer of a repeated step.
    ///
    /// # Errors
    /// A conflict, a gap, an ended episode, a malformed action, or a fault of the sandbox. The episode is then
    /// unchanged.
    pub fn step(&mut self, request: Request, queue_time: Duration) -> Result<Stepped, Error> {
        if let Some(record) = self.history.answer(&request)? {
            return Ok(Stepped { record: record.clone(), repeated: true });
        }
        self.check_running()?;
        let started = Instant::now();
        let (observation, mut info) = match &request.action {
            None => return Err(Violation::new("action", "is required: code or tool_calls").into()),
            Some(Action::Code(code)) => self.run_code(request.index, code)?,
            Some(Action::ToolCalls(calls)) => self.call_tools(calls)?,
        };
        info.run_time = started.elapsed();
        info.queue_time = queue_time;
        info.budget_left = self.bridge().budget_left();
        let taken = u32::try_from(request.index + 1).unwrap_or(u32::MAX);
        info.steps_left = self.limits.max_steps.saturating_sub(taken);

        let answer = self.answer(observation, info);
        let record = Arc::new(Record { request, answer });
        self.history.push(record.clone());
        Ok(Stepped { record, repeated: false })
    }

    /// Ends the episode if this was its last step.
    fn answer(&mut self, observation: Observation, info: Info) -> Answer {
        let reason = if self.bridge().finished() {
            Some(EndReason::Finished)
        } else {
            (info.steps_left == 0).then_some(EndReason::MaxSteps)
        };
        let end = reason.map(|reason| self.finish(reason).clone());
        Answer { observation, info, end }
    }

    /// Ends the episode, unless it has ended, and frees its interpreter.
    fn finish(&mut self, reason: EndReason) -> &End {
        self.interpreter = None;
        self.slot = None;
        let bridge = lock(&self.tools);
        let stopped = matches!(reason, EndReason::Closed | EndReason::LeaseExpired);
        let unplayed = stopped && self.history.next() == 0;
        self.end.get_or_insert_with(|| End {
            reason,
            evaluation: if unplayed { bridge.evaluate_unplayed() } else { bridge.evaluate() },
        })
    }

    /// Ends the episode, unless it has ended, and forgets its steps.
    pub fn close(&mut self, reason: EndReason) -> Closed {
        let end = self.finish(reason).clone();
        self.history.clear();
        let newly = !std::mem::replace(&mut self.closed, true);
        Closed { end, steps: self.history.next(), newly }
    }

    fn check_running(&self) -> Result<(), Error> {
        match &self.end {
            None => Ok(()),
            Some(end) => Err(Error::Ended { reason: end.reason }),
        }
    }

    fn bridge(&self) -> MutexGuard<'_, Bridge> {
        lock(&self.tools)
    }
}

/// The tools, also after a panic inside a tool call: the call itself reports it, and the task's state stays valid.
fn lock(tools: &Mutex<Bridge>) -> MutexGuard<'_, Bridge> {
    tools.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A sandbox without room is for the caller to retry. Any other error is a fault of the server.
fn sandbox_error(error: sandbox::Error) -> Error {
    match error {
        sandbox::Error::AtCapacity { max } => Error::Full { limit: max as usize },
        error => Error::Internal(format!("the sandbox failed: {:#}", anyhow::Error::new(error))),
    }
}

/// A tool as a function in the interpreter.
fn python_function(tool: &ToolSpec) -> sandbox::Tool {
    sandbox::Tool {
        name: tool.name.clone(),
        parameters: tool.parameters.iter().map(parameter).collect(),
        doc: tool.description.clone(),
    }
}

/// A parameter as a signature shows it.
fn parameter(parameter: &ToolParameter) -> String {
    format!("{}: {}", parameter.name, parameter.python_type)
}
