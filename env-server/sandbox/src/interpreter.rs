//! One episode's interpreter: what persists, what resets, and what is rebuilt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::instance::{Ended, Instance};
use crate::limits::Limits;
use crate::outcome::{Definition, Failure, Outcome};
use crate::replay_log::ReplayLog;
use crate::sandbox::Sandbox;
use crate::snapshot::Snapshot;
use crate::state::Answers;
use crate::tool::{SharedTools, Tool};
use crate::{guest, message};

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
/// kills it gives the place back until the next step, as [`Interpreter::hibernate`] does); a resetting one holds
/// one only while a step runs.
pub struct Interpreter {
    sandbox: Sandbox,
    config: Arc<Config>,
    tools: SharedTools,
    /// The persistent instance. Absent until it is needed, and after a step that killed it.
    instance: Option<Instance>,
    /// What it takes to build the persistent instance again.
    replay_log: ReplayLog,
    globals: Vec<String>,
    stats: Stats,
}

/// Bytes of an interpreter's own memory. With more it is not packed while it lives, unless it must be.
const LARGE_SNAPSHOT: usize = 8 << 20;

/// What an interpreter is and has used. See [`Interpreter::stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The steps that were run, those that failed included.
    pub steps: u64,
    /// The fuel that they used.
    pub fuel_used: u64,
    /// The tool calls that they made.
    pub tool_calls: u64,
    /// The bytes of memory that a persistent interpreter has, shared ones included; 0 where it has no instance:
    /// after [`Interpreter::hibernate`], and after a step that killed it.
    pub memory_bytes: usize,
    /// The bytes of the host's memory that are kept to have the interpreter again.
    pub kept_bytes: usize,
    /// And those on disk.
    pub kept_on_disk_bytes: usize,
}

impl Interpreter {
    pub(crate) fn new(sandbox: Sandbox, config: Config, tools: SharedTools) -> Result<Interpreter, Error> {
        let mut interpreter = Interpreter {
            sandbox,
            config: Arc::new(config),
            tools,
            instance: None,
            replay_log: ReplayLog::default(),
            globals: Vec::new(),
            stats: Stats::default(),
        };
        if interpreter.persists() {
            interpreter.instance = Some(interpreter.rebuild()?);
        }
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
        let config = self.config.clone();
        let limits = &config.limits;
        if code.len() > limits.code_bytes {
            return Ok(self.too_long());
        }
        // Taken out: should a tool panic, the half-run instance is gone, and the next step builds another.
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => self.wake()?,
        };
        let ended = instance
            .run(code, limits, Answers::Tools(self.tools.clone()))
            .map_err(|_| Error::Diverged { step: self.replay_log.steps(), of: self.replay_log.steps() })?;
        if self.persists() && ended.reply.is_ok() {
            self.replay_log.push(code, &ended);
            if self.replay_log.is_large() {
                self.snapshot(&mut instance, usize::MAX);
            } else if self.replay_log.is_long() {
                self.snapshot(&mut instance, LARGE_SNAPSHOT);
            }
            self.instance = Some(instance);
        }
        self.stats.steps += 1;
        self.stats.fuel_used += ended.fuel_used;
        self.stats.tool_calls += ended.tool_calls.len() as u64;
        let mut outcome = self.outcome(ended);
        outcome.wall = started.elapsed();
        Ok(outcome)
    }

    /// The names that the agent has defined, sorted. Always empty in a resetting interpreter.
    pub fn globals(&self) -> &[String] {
        &self.globals
    }

    /// Whether it holds a place between steps: it persists and does not hibernate.
    pub fn is_awake(&self) -> bool {
        self.instance.is_some()
    }

    /// What it is and has used.
    pub fn stats(&self) -> Stats {
        let (kept_bytes, kept_on_disk_bytes) = self.replay_log.kept_bytes();
        let memory_bytes = self.instance.as_ref().map_or(0, Instance::memory_bytes);
        Stats { memory_bytes, kept_bytes, kept_on_disk_bytes, ..self.stats }
    }

    /// A second interpreter in the same state, to the last open iterator, which goes its own way from here, with
    /// `tools` of its own. No code is run for it: it is a copy.
    ///
    /// # Errors
    /// As [`Interpreter::run`].
    pub fn fork(&mut self, tools: SharedTools) -> Result<Interpreter, Error> {
        if self.persists() && self.instance.is_none() {
            self.instance = Some(self.wake()?);
        }
        let instance = self
            .instance
            .as_mut()
            .map(|instance| instance.fork(&self.sandbox, &self.config.limits))
            .transpose()?;
        Ok(Interpreter {
            sandbox: self.sandbox.clone(),
            config: self.config.clone(),
            tools,
            instance,
            replay_log: self.replay_log.clone(),
            globals: self.globals.clone(),
            stats: self.stats,
        })
    }

    /// Gives its place back until the next step, in which it goes on as if nothing had been. Until then its files, and
    /// its steps or a few kilobytes, are in memory, and where its steps took long, some tens of kilobytes on disk
    /// ([`crate::Options::hibernation_dir`]).
    pub fn hibernate(&mut self) {
        let Some(mut instance) = self.instance.take() else { return };
        if !self.replay_log.is_short() {
            self.snapshot(&mut instance, usize::MAX);
        }
    }

    fn persists(&self) -> bool {
        self.config.state == InterpreterState::Persistent
    }

    fn rebuild(&self) -> Result<Instance, Error> {
        self.replay_log.rebuild(&self.sandbox, &self.config)
    }

    /// The persistent instance, had again. What took long once is not done twice.
    fn wake(&mut self) -> Result<Instance, Error> {
        let mut instance = self.rebuild()?;
        if self.persists() && !self.replay_log.is_short() {
            self.snapshot(&mut instance, usize::MAX);
        }
        Ok(instance)
    }

    /// Keeps where the interpreter stands, in place of how it came there, unless more than so many bytes of memory are
    /// its own.
    fn snapshot(&mut self, instance: &mut Instance, most_bytes: usize) {
        match Snapshot::take(instance, self.sandbox.pristine(), self.sandbox.spill(), most_bytes) {
            Some(snapshot) => self.replay_log.snapshot(snapshot),
            None => self.replay_log.double_budget(),
        }
    }

    fn outcome(&mut self, ended: Ended) -> Outcome {
        let limit_hit = ended.tool_call_limit_hit.then_some(Failure::ToolCallLimit);
        let (failure, text, definitions) = match ended.reply {
            Ok(reply) => {
                if self.persists() {
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
pub const TYPE_NAME_BYTES: usize = 500;

/// The guest's failure: what it is, and its text.
fn typed(failure: guest::Failure) -> (Failure, String) {
    let kind = if failure.syntax {
        Failure::Syntax
    } else {
        Failure::Exception { type_name: message::cut(failure.type_name, TYPE_NAME_BYTES) }
    };
    (kind, failure.text)
}
