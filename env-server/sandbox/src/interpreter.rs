//! One episode's interpreter: what persists, what resets, and what is rebuilt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::guest;
use crate::limits::Limits;
use crate::live::{Ended, Live};
use crate::outcome::{Definition, Failure, Outcome};
use crate::sandbox::Sandbox;
use crate::state::Answers;
use crate::tool::{SharedTools, Tool, ToolRecord};
use crate::{calls, message};

/// Whether what a step binds, imports and changes is there in the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterpreterState {
    /// One interpreter for all steps.
    Persistent,
    /// A new interpreter each step: nothing is left, not even module state.
    Reset,
}

/// How an interpreter behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether steps see each other.
    pub state: InterpreterState,
    /// Seeds Python's `random` and everything else that is random.
    pub seed: u64,
    /// What each step may use.
    pub limits: Limits,
    /// What the code may call. Names must be Python identifiers.
    pub tools: Vec<Tool>,
    /// Whether to fill [`Outcome::definitions`].
    pub record_definitions: bool,
}

/// A Python interpreter that runs one block of code a step.
///
/// A persistent one holds one of [`crate::Options::max_interpreters`] places until it is dropped (a step that
/// kills it gives the place back until the next step); a resetting one holds one only while a step runs.
pub struct Interpreter {
    sandbox: Sandbox,
    config: Arc<Config>,
    tools: SharedTools,
    /// The persistent instance. Absent until it is needed, and after a step that killed it.
    live: Option<Live>,
    /// What it takes to build the persistent instance again.
    history: Vec<Arc<Step>>,
    globals: Vec<String>,
}

/// A step that ended by itself.
struct Step {
    code: String,
    tool_calls: Vec<ToolRecord>,
    /// Fuel is deterministic: a replay that uses as much did the same.
    fuel_used: u64,
}

impl Interpreter {
    pub(crate) fn new(sandbox: Sandbox, config: Config, tools: SharedTools) -> Result<Interpreter, Error> {
        let mut interpreter = Interpreter {
            sandbox,
            config: Arc::new(config),
            tools,
            live: None,
            history: Vec::new(),
            globals: Vec::new(),
        };
        interpreter.settle()?;
        Ok(interpreter)
    }

    /// Runs one block of code as a script and says what it gave.
    ///
    /// Blocks the calling thread, which must not be one that drives async tasks.
    ///
    /// # Errors
    /// [`Error::AtCapacity`] where no place is free: nothing was run, try again. Otherwise the sandbox is
    /// broken.
    pub fn run(&mut self, code: &str) -> Result<Outcome, Error> {
        let started = Instant::now();
        let limits = &self.config.limits;
        if code.len() > limits.code_bytes {
            return Ok(self.too_long());
        }
        // Taken out: should a tool panic, the half-run instance is gone, and the next step builds another.
        let mut live = match self.live.take() {
            Some(live) => live,
            None => self.rebuild()?,
        };
        let ended = live
            .run(code, limits, Answers::Live(self.tools.clone()))
            .map_err(|_| Error::Diverged { step: self.history.len(), of: self.history.len() })?;
        if self.config.state == InterpreterState::Persistent && ended.reply.is_ok() {
            self.history.push(Arc::new(Step {
                code: code.to_owned(),
                tool_calls: ended.tool_calls.clone(),
                fuel_used: ended.fuel_used,
            }));
            self.live = Some(live);
        }
        let mut outcome = self.outcome(ended);
        outcome.wall = started.elapsed();
        Ok(outcome)
    }

    /// The names that the agent has defined, sorted. Always empty in a resetting interpreter.
    pub fn globals(&self) -> &[String] {
        &self.globals
    }

    /// The bytes of memory that a persistent interpreter has; `None` where it has no instance to persist.
    pub fn memory_bytes(&self) -> Option<usize> {
        self.live.as_ref().map(Live::memory_bytes)
    }

    /// A second interpreter in the same state, which goes its own way from here. The earlier steps are run
    /// again in it with the recorded answers of the tools; `tools` answer what comes after.
    ///
    /// # Errors
    /// As [`Interpreter::run`].
    pub fn fork(&self, tools: SharedTools) -> Result<Interpreter, Error> {
        let mut fork = Interpreter {
            sandbox: self.sandbox.clone(),
            config: self.config.clone(),
            tools,
            live: None,
            history: self.history.clone(),
            globals: self.globals.clone(),
        };
        fork.settle()?;
        Ok(fork)
    }

    /// Takes a place at once where one will be held.
    fn settle(&mut self) -> Result<(), Error> {
        if self.config.state == InterpreterState::Persistent {
            self.live = Some(self.rebuild()?);
        }
        Ok(())
    }

    /// A new instance that has run the earlier steps. No tool is called.
    fn rebuild(&self) -> Result<Live, Error> {
        let mut live = Live::start(&self.sandbox, &self.config)?;
        for (index, step) in self.history.iter().enumerate() {
            let answers = Answers::Recorded(step.tool_calls.iter().cloned().collect());
            let same = match live.run(&step.code, &self.config.limits, answers) {
                Ok(ended) => ended.reply.is_ok() && ended.fuel_used == step.fuel_used,
                Err(calls::Diverged) => false,
            };
            if !same {
                return Err(Error::Diverged { step: index, of: self.history.len() });
            }
        }
        Ok(live)
    }

    fn outcome(&mut self, ended: Ended) -> Outcome {
        let limit_hit = ended.tool_call_limit_hit.then_some(Failure::ToolCallLimit);
        let (failure, text, definitions) = match ended.reply {
            Ok(reply) => {
                if self.config.state == InterpreterState::Persistent {
                    self.globals = reply.globals;
                }
                let (failure, text) = reply.failure.map(typed).unzip();
                (limit_hit.or(failure), text, reply.definitions)
            }
            Err(failure) => (Some(failure), None, Vec::new()),
        };
        let error = failure.as_ref().map(|failure| {
            let ours = message::of(failure, &self.config, !ended.tool_calls.is_empty());
            message::cut(ours.or(text).unwrap_or_default(), self.config.limits.output_bytes)
        });
        Outcome {
            success: failure.is_none(),
            output: ended.output,
            output_truncated: ended.output_truncated,
            error,
            failure,
            globals: self.globals.clone(),
            definitions: definitions
                .into_iter()
                .map(|d| Definition { name: d.name, digest: d.digest })
                .collect(),
            fuel_used: ended.fuel_used,
            wall: Duration::ZERO,
            tool_calls: ended.tool_calls,
        }
    }

    fn too_long(&self) -> Outcome {
        let failure = Failure::CodeTooLarge;
        Outcome {
            success: false,
            output: String::new(),
            output_truncated: false,
            error: message::of(&failure, &self.config, false),
            failure: Some(failure),
            globals: self.globals.clone(),
            definitions: Vec::new(),
            fuel_used: 0,
            wall: Duration::ZERO,
            tool_calls: Vec::new(),
        }
    }
}

/// The most bytes of an exception's class name: it is the agent's to choose.
const TYPE_NAME_BYTES: usize = 500;

/// The guest's failure: what it is, and its text.
fn typed(failure: guest::Failure) -> (Failure, String) {
    let kind = match failure.kind {
        guest::FailureKind::Syntax => Failure::Syntax,
        guest::FailureKind::Exception => {
            Failure::Exception { type_name: message::cut(failure.type_name, TYPE_NAME_BYTES) }
        }
    };
    (kind, failure.text)
}
