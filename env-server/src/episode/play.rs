//! Playing an episode: what its steps change.

mod code;
mod known;
mod resume;
mod tool_calls;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use proto::interpreter_state::InterpreterState;
use proto::task::{ToolParameter, ToolSpec};
use sandbox::{Config, Fault, Interpreter, NoMemory, Sandbox, Share, Stop, StoredSnapshot};

use super::bridge::Bridge;
use super::end::{Closed, End, EndReason};
use super::history;
use super::limits::Limits;
use super::progress::Progress;
use super::spec::Spec;
use super::state_loss::StateLoss;
use super::step::{Action, Answer, Info, Observation, Record, Request};
use super::timed::timed;
use crate::error::{Error, Violation};
use crate::quota::Place;

pub use resume::Past;

/// The steps of an episode that are kept may take this much, the next one included, of what is spared for small shares.
const LARGE_BYTES: usize = 4 << 20;
/// What an episode takes beside its task, its steps and its interpreter.
const EPISODE_BYTES: usize = 4 << 10;
/// What a task takes, opened, in units of its text.
const TASK_FACTOR: usize = 4;

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
    progress: Arc<Mutex<Progress>>,
    /// How long the last step ran, however it ended.
    ran: Duration,
    /// Its place among the running episodes, given back when it ends.
    place: Option<Place>,
    /// What the definition and the task take of the server's memory.
    share: Share,
}

/// A step that was taken.
pub struct Stepped {
    /// The step and its answer.
    pub record: Arc<Record>,
    /// Whether the answer was stored: nothing ran now.
    pub repeated: bool,
}

/// A step that ran.
pub enum Ran {
    /// Nothing ran: this is the stored answer of a repeated step.
    Repeated(Arc<Record>),
    /// The next step. It is taken once [`Play::accept`] has it.
    Next(Next),
}

/// A step that ran, and is not taken yet: nobody may learn of it.
pub struct Next {
    /// The step and its answer.
    pub record: Arc<Record>,
    share: Share,
}

impl Play {
    /// An episode before its first step. What it comes to is noted in `progress`.
    ///
    /// # Errors
    /// The server's memory is used up.
    pub fn new(
        sandbox: Sandbox,
        spec: &Spec,
        tools: &[ToolSpec],
        bridge: Bridge,
        place: Option<Place>,
        progress: Arc<Mutex<Progress>>,
    ) -> Result<Self, Error> {
        let mut share = sandbox.budget().take(EPISODE_BYTES)?;
        share.grow_large(spec.task.bytes() * TASK_FACTOR)?;
        let config = Config {
            state: spec.interpreter_state,
            semantics: spec.semantics,
            seed: spec.seed,
            limits: spec.limits.step.clone(),
            tools: tools.iter().map(python_function).collect(),
            record_definitions: spec.record_definitions,
        };
        Ok(Self {
            sandbox,
            config,
            limits: spec.limits.clone(),
            tools: Arc::new(Mutex::new(bridge)),
            state_loss: spec.state_loss,
            interpreter: None,
            code_ran: false,
            progress,
            ran: Duration::ZERO,
            place,
            share,
        })
    }

    /// A copy of interpreter, task and steps. The copy occupies `place`.
    ///
    /// # Errors
    /// The episode has ended, there is no room, or the sandbox failed.
    pub fn fork(&mut self, place: Place) -> Result<Self, Error> {
        self.check_running()?;
        let share = self.sandbox.budget().take_large(self.share.bytes())?;
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
            progress: Arc::new(Mutex::new(lock(&self.progress).clone())),
            ran: Duration::ZERO,
            place: Some(place),
            share,
        })
    }

    /// Whether the interpreter is in memory between steps.
    pub fn is_awake(&self) -> bool {
        self.interpreter.as_ref().is_some_and(Interpreter::is_awake)
    }

    /// Whether there is a persistent interpreter that is not in memory.
    pub fn is_asleep(&self) -> bool {
        self.config.state == InterpreterState::Persistent && self.interpreter.is_some() && !self.is_awake()
    }

    /// How long the last step ran, however it ended.
    pub fn ran(&self) -> Duration {
        self.ran
    }

    /// The stored snapshot that the interpreter would be made from again, if there is one.
    pub fn stored_snapshot(&self) -> Option<StoredSnapshot> {
        self.interpreter.as_ref()?.stored_snapshot()
    }

    /// Gives its place away.
    pub fn take_place(&mut self) -> Option<Place> {
        self.place.take()
    }

    /// Occupies a place, unless the episode has ended.
    pub fn set_place(&mut self, place: Option<Place>) {
        if lock(&self.progress).end.is_none() {
            self.place = place;
        }
    }

    /// Brings the interpreter into memory, if there is a persistent one.
    ///
    /// # Errors
    /// There is no room, or the sandbox failed.
    pub async fn wake(&mut self) -> Result<(), Error> {
        match &mut self.interpreter {
            Some(interpreter) => interpreter.wake_up(&Stop::default()).await.map_err(sandbox_error),
            None => Ok(()),
        }
    }

    /// Hibernates the interpreter until the next step.
    pub fn hibernate(&mut self) {
        if let Some(interpreter) = &mut self.interpreter {
            interpreter.hibernate();
        }
    }

    /// What the episode has come to; it can be read while a step runs.
    pub fn progress(&self) -> Arc<Mutex<Progress>> {
        self.progress.clone()
    }

    /// Runs the next step, or returns the stored answer of a repeated one. `asked` is when the step was asked for. The step is
    /// taken once [`Play::accept`] has it, and nothing else may be done before.
    ///
    /// # Errors
    /// A conflict, a gap, an ended episode, a malformed action, a fault of the sandbox, or `stop` stopped it. The episode
    /// is then unchanged.
    pub async fn step(&mut self, request: Request, asked: Instant, stop: &Stop) -> Result<Ran, Error> {
        self.ran = Duration::ZERO;
        if let Some(record) = lock(&self.progress).history.answer(&request)? {
            return Ok(Ran::Repeated(record.clone()));
        }
        self.check_running()?;
        if stop.is_asked() {
            return Err(Error::Stopped);
        }
        let share = self.share_of_step(&request)?;
        let step = async {
            match &request.action {
                None => Err(Violation::new("action", "is required: code or tool_calls").into()),
                Some(Action::Code(code)) => self.run_code(request.index, code, stop).await,
                Some(Action::ToolCalls(calls)) => self.call_tools(calls, stop).await,
                Some(Action::LongCode { .. }) => Err(Error::Internal("a kept action was sent".to_owned())),
            }
        };
        let (step, run_time) = timed(step).await;
        self.ran = run_time;
        let (observation, mut info) = step?;
        info.run_time = run_time;
        info.queue_time = asked.elapsed().saturating_sub(run_time);
        Ok(Ran::Next(self.next(request, observation, info, share)))
    }

    /// The step that came to this, with what the task and the limits say of it.
    fn next(&mut self, request: Request, observation: Observation, mut info: Info, share: Share) -> Next {
        info.budget_left = self.bridge().budget_left();
        let taken = u32::try_from(request.index + 1).unwrap_or(u32::MAX);
        info.steps_left = self.limits.max_steps.saturating_sub(taken);

        let answer = self.answer(observation, info);
        let action = request.action.map(|action| action.kept(self.limits.step.code_bytes));
        let state = self.bridge().new_state();
        let record = Arc::new(Record { request: Request { action, ..request }, answer, state });
        if record.answer.end.is_some() {
            // Freed here, by a thread that has time.
            self.interpreter = None;
        }
        Next { record, share }
    }

    /// Takes a step that ran.
    pub fn accept(&mut self, Next { record, share }: Next) {
        let mut progress = lock(&self.progress);
        if let Some(end) = &record.answer.end {
            self.place = None;
            progress.end = Some(end.clone());
        }
        progress.history.push(record, share);
    }

    /// A share for the most that a step and its answer may take.
    fn share_of_step(&self, request: &Request) -> Result<Share, NoMemory> {
        let sandbox::Limits { output_bytes, error_output_bytes, tool_bytes, .. } = &self.limits.step;
        // The error's text has the same limit as the output.
        let most =
            history::RECORD_BYTES + request.bytes() + 2 * output_bytes + error_output_bytes + tool_bytes;
        let budget = self.sandbox.budget();
        let is_large = most + lock(&self.progress).history.kept_bytes() > LARGE_BYTES;
        if is_large { budget.take_large(most) } else { budget.take(most) }
    }

    /// The answer, with the episode's end if this is its last step.
    fn answer(&self, observation: Observation, info: Info) -> Answer {
        let reason = if self.bridge().finished() {
            Some(EndReason::Finished)
        } else {
            (info.steps_left == 0).then_some(EndReason::MaxSteps)
        };
        let end = reason.map(|reason| End { reason, evaluation: self.bridge().evaluate() });
        Answer { observation, info, end }
    }

    /// Ends the episode, unless it has ended, and frees its interpreter. Its steps are kept.
    pub fn finish(&mut self, reason: EndReason) -> End {
        self.interpreter = None;
        self.place = None;
        let bridge = lock(&self.tools);
        let mut progress = lock(&self.progress);
        let stopped = matches!(reason, EndReason::Closed | EndReason::LeaseExpired | EndReason::Shutdown);
        let unplayed = stopped && progress.history.next() == 0;
        let evaluate = || if unplayed { bridge.evaluate_unplayed() } else { bridge.evaluate() };
        progress.end.get_or_insert_with(|| End { reason, evaluation: evaluate() }).clone()
    }

    /// Ends the episode, unless it has ended, and forgets its steps.
    pub fn close(&mut self, reason: EndReason) -> Closed {
        let end = self.finish(reason);
        lock(&self.progress).close(end)
    }

    fn check_running(&self) -> Result<(), Error> {
        match &lock(&self.progress).end {
            None => Ok(()),
            Some(end) => Err(Error::Ended { reason: end.reason }),
        }
    }

    fn bridge(&self) -> MutexGuard<'_, Bridge> {
        lock(&self.tools)
    }
}

/// What a lock guards, also after a panic inside a tool call: the call itself reports it, and the task's state stays valid.
pub(super) fn lock<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A sandbox without room or memory is for the caller to retry. Any other error but a stop is a fault of the server.
fn sandbox_error(error: sandbox::Error) -> Error {
    match error {
        sandbox::Error::NoMemory(error) => Error::NoMemory(error),
        sandbox::Error::Stopped => Error::Stopped,
        // Of its tools: it is one of ours.
        sandbox::Error::Fault(Fault(error)) => {
            error.downcast().map_or_else(|error| Error::Internal(error.to_string()), |error| *error)
        }
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
