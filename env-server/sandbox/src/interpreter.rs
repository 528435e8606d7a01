//! One episode's interpreter: what persists, what resets, and what is rebuilt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::budget::Share;
use crate::config::Config;
use crate::engine::block_on;
use crate::error::Error;
use crate::execution::Execution;
use crate::host::Host;
use crate::instance::{Instance, Unfinished};
use crate::outcome::{Definition, Failure, Outcome, TYPE_NAME_BYTES};
use crate::past::{Past, PastStep, StoredSnapshot};
use crate::replay_log::ReplayLog;
use crate::seeds::Seeds;
use crate::snapshot::Snapshot;
use crate::state::Answers;
use crate::stats::Stats;
use crate::stop::Stop;
use crate::tool::SharedTools;
use crate::{guest, message};

/// A Python interpreter that runs one block of code per step.
///
/// A persistent interpreter takes one of [`crate::Options::max_interpreters`] places until it is dropped or
/// hibernates ([`Interpreter::hibernate`]). A step that kills it also frees the place until the next step. A
/// resetting interpreter takes a place only while a step runs.
pub struct Interpreter {
    host: Arc<Host>,
    config: Arc<Config>,
    tools: SharedTools,
    /// The persistent instance; `None` during hibernation and after a step that killed it.
    instance: Option<Instance>,
    /// Rebuilds the persistent instance.
    replay_log: ReplayLog,
    /// What the log and the files take of the memory budget.
    kept: Share,
    globals: Vec<String>,
    /// The index of the next step.
    next_step: u64,
    stats: Stats,
}

/// The largest snapshot, in bytes of changed memory, that is always worth a replay of more than a few milliseconds.
const SMALL_SNAPSHOT: usize = 8 << 20;

impl Interpreter {
    pub(crate) fn new(host: Arc<Host>, config: Config, tools: SharedTools) -> Result<Interpreter, Error> {
        let mut interpreter = Interpreter::asleep(host, config, tools);
        if interpreter.persists() {
            interpreter.instance = Some(block_on(interpreter.rebuild(&Stop::default()))?);
        }
        Ok(interpreter)
    }

    pub(crate) fn revive(
        host: Arc<Host>,
        config: Config,
        tools: SharedTools,
        past: Past,
    ) -> Result<Interpreter, Error> {
        let mut interpreter = Interpreter::asleep(host, config, tools);
        interpreter.next_step = past.next_step;
        if interpreter.persists() {
            let (host, limits) = (&interpreter.host, &interpreter.config.limits);
            let snapshot = past.snapshot.map(|stored| Snapshot::open(host, limits, &stored)).transpose()?;
            interpreter.replay_log = ReplayLog::new(snapshot, past.steps);
            interpreter.globals = past.globals;
            interpreter.note_kept();
        }
        Ok(interpreter)
    }

    /// An interpreter in its initial state that is not in memory.
    fn asleep(host: Arc<Host>, config: Config, tools: SharedTools) -> Interpreter {
        Interpreter {
            kept: host.budget().hold(0),
            host,
            config: Arc::new(config),
            tools,
            instance: None,
            replay_log: ReplayLog::default(),
            globals: Vec::new(),
            next_step: 0,
            stats: Stats::default(),
        }
    }

    /// Runs the next step: [`Interpreter::run_step`] with the index after the last step's, at first 0.
    ///
    /// # Errors
    /// The same as [`Interpreter::run_step`].
    pub fn run(&mut self, code: &str) -> Result<Outcome, Error> {
        self.run_step(self.next_step, code)
    }

    /// Runs one block of code and returns its outcome: [`Interpreter::step`], on this thread, which must not be one that
    /// drives async tasks.
    ///
    /// # Errors
    /// The same as [`Interpreter::step`].
    pub fn run_step(&mut self, index: u64, code: &str) -> Result<Outcome, Error> {
        block_on(self.step(index, code, &Stop::default()))
    }

    /// Runs one block of code and returns its outcome. It yields every few milliseconds, so that whoever polls it can give
    /// others their turn, and goes on when it is polled again; it waits for nothing but tools that answer later.
    ///
    /// In a resetting interpreter the random numbers of a step follow from the seed and the step's `index`. The caller
    /// may count steps that run no code too. In a persistent interpreter they go on where the last step left them.
    ///
    /// # Errors
    /// [`Error::AtCapacity`] if no place is free: nothing was run, try again. [`Error::Stopped`] if `stop` stopped it,
    /// [`Error::Fault`] if a tool has no answer, and [`Error::NoMemory`]: the interpreter is as before, but calls of tools may have been made. Any other error means that the sandbox is broken.
    pub async fn step(&mut self, index: u64, code: &str, stop: &Stop) -> Result<Outcome, Error> {
        let started = Instant::now();
        let config = self.config.clone();
        let limits = &config.limits;
        if code.len() > limits.code_bytes {
            self.next_step = index.wrapping_add(1);
            return Ok(self.code_too_large());
        }
        self.next_step = index;
        // Taken out, so that the instance is dropped if a tool panics: the next step rebuilds it.
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => self.wake(stop).await?,
        };
        let steps = self.replay_log.steps();
        let execution =
            instance.run(code, limits, Answers::Tools(self.tools.clone()), stop).await.map_err(|why| {
                match why {
                    Unfinished::Stopped => Error::Stopped,
                    Unfinished::NoMemory(error) => error.into(),
                    Unfinished::Fault(fault) => Error::Fault(fault),
                    Unfinished::Diverged => Error::Diverged { step: steps, of: steps },
                }
            })?;
        self.next_step = index.wrapping_add(1);
        if self.keeps(&execution) {
            let (tool_calls, fuel_used) = (execution.tool_calls.clone(), execution.fuel_used);
            self.replay_log.push(PastStep { code: code.to_owned(), tool_calls, fuel_used });
            if self.replay_log.is_large() {
                self.snapshot(&mut instance, usize::MAX).await;
            } else if self.replay_log.is_long() {
                self.snapshot(&mut instance, self.replay_log.worthwhile_bytes()).await;
            }
            self.instance = Some(instance);
            self.note_kept();
        }
        self.stats.steps += 1;
        self.stats.fuel_used += execution.fuel_used;
        self.stats.tool_calls += execution.tool_calls.len() as u64;
        let mut outcome = self.outcome(execution);
        outcome.wall = started.elapsed();
        Ok(outcome)
    }

    /// The names that the agent has defined, sorted. Always empty in a resetting interpreter.
    pub fn globals(&self) -> &[String] {
        &self.globals
    }

    /// Whether it takes a place between steps: it is persistent, and in memory.
    pub fn is_awake(&self) -> bool {
        self.instance.is_some()
    }

    /// The file of the snapshot from which it would be rebuilt, together with the steps since; `None` if there is no such
    /// file: it would be rebuilt from its initial state, or its snapshot is in memory only. The answer can change with each
    /// step, and when it hibernates. From then on the file stays until [`crate::Sandbox::remove_snapshot`] deletes it; the
    /// interpreter and its copies need it as long as they give this answer.
    pub fn stored_snapshot(&self) -> Option<StoredSnapshot> {
        self.replay_log.stored_snapshot()
    }

    /// Its statistics so far: since it was revived, if it was.
    pub fn stats(&self) -> Stats {
        let (kept_bytes, kept_on_disk_bytes) = self.replay_log.kept_bytes();
        let memory_bytes = self.instance.as_ref().map_or(0, Instance::memory_bytes);
        Stats { memory_bytes, kept_bytes, kept_on_disk_bytes, ..self.stats }
    }

    /// Copies the interpreter with its whole state, half-consumed iterators included. The copy is independent
    /// and calls `tools`. Copying runs no code.
    ///
    /// # Errors
    /// The same as [`Interpreter::run`].
    pub fn fork(&mut self, tools: SharedTools) -> Result<Interpreter, Error> {
        if self.persists() && self.instance.is_none() {
            self.instance = Some(block_on(self.wake(&Stop::default()))?);
        }
        let instance = self.instance.as_mut();
        let copy = instance.map(|instance| instance.fork(&self.host, &self.config.limits)).transpose()?;
        Ok(Interpreter {
            kept: self.host.budget().take_large(self.kept.bytes())?,
            host: self.host.clone(),
            config: self.config.clone(),
            tools,
            instance: copy,
            replay_log: self.replay_log.clone(),
            globals: self.globals.clone(),
            next_step: self.next_step,
            stats: self.stats,
        })
    }

    /// Brings it into memory, if it is persistent and not there. It yields every few milliseconds, as a step does.
    ///
    /// # Errors
    /// The same as [`Interpreter::step`].
    pub async fn wake_up(&mut self, stop: &Stop) -> Result<(), Error> {
        if self.persists() && self.instance.is_none() {
            self.instance = Some(self.wake(stop).await?);
        }
        Ok(())
    }

    /// Frees its place until the next step, which continues from the same state. Until then the host's memory
    /// holds its files and either its steps or a few kilobytes. If its steps took long, a snapshot of some
    /// tens of kilobytes is stored on disk ([`crate::Options::hibernation_dir`], [`crate::Options::snapshots`]).
    pub fn hibernate(&mut self) {
        let Some(mut instance) = self.instance.take() else { return };
        if !self.replay_log.is_short() {
            block_on(self.snapshot(&mut instance, usize::MAX));
        }
        self.note_kept();
    }

    /// Notes what is kept in memory beside the instance's own.
    fn note_kept(&mut self) {
        let files = self.instance.as_ref().map_or(0, |instance| instance.world().bytes());
        self.kept.set(self.replay_log.kept_bytes().0 + files);
    }

    fn persists(&self) -> bool {
        self.config.state.is_persistent()
    }

    /// Whether the effects of a block stay.
    fn keeps(&self, execution: &Execution) -> bool {
        self.persists() && execution.reply.is_ok()
    }

    async fn rebuild(&self, stop: &Stop) -> Result<Instance, Error> {
        let step = (!self.persists()).then_some(self.next_step);
        self.replay_log.rebuild(&self.host, &self.config, Seeds::of(self.config.seed, step), stop).await
    }

    /// Rebuilds the persistent instance. A long replay is replaced by a snapshot, so that it is not repeated, unless
    /// the snapshot would take longer.
    async fn wake(&mut self, stop: &Stop) -> Result<Instance, Error> {
        let mut instance = self.rebuild(stop).await?;
        self.stats.replayed_fuel += self.replay_log.fuel();
        self.replay_log.replayed();
        if self.persists() && !self.replay_log.is_short() {
            let max_bytes = self.replay_log.worthwhile_bytes().max(SMALL_SNAPSHOT);
            self.snapshot(&mut instance, max_bytes).await;
        }
        Ok(instance)
    }

    /// Replaces the replay log by a snapshot of the instance. If more than `max_bytes` of its memory changed,
    /// the snapshot is put off until the steps and their replays are worth it.
    async fn snapshot(&mut self, instance: &mut Instance, max_bytes: usize) {
        match instance.snapshot(&self.host, self.next_step, max_bytes).await {
            Ok(snapshot) => self.replay_log.compact(snapshot),
            Err(too_large) => self.replay_log.put_off(too_large.bytes),
        }
    }

    fn outcome(&mut self, execution: Execution) -> Outcome {
        let kept = self.keeps(&execution);
        let limit_hit = execution.tool_call_limit_hit.then_some(Failure::ToolCallLimit);
        let (failure, text, definitions) = match execution.reply {
            Ok(reply) => {
                if self.persists() {
                    self.globals = reply.globals;
                }
                let (failure, text) = reply.failure.map(python_failure).unzip();
                (limit_hit.or(failure), text, reply.definitions)
            }
            Err(failure) => (Some(failure), None, Vec::new()),
        };
        let error = failure.as_ref().map(|failure| {
            let ours = message::of(failure, &self.config, !execution.tool_calls.is_empty());
            message::cut(ours.or(text).unwrap_or_default(), self.config.limits.output_bytes)
        });
        Outcome {
            success: failure.is_none(),
            output: execution.output,
            output_left_out: execution.output_left_out,
            error_output: execution.error_output,
            error_output_left_out: execution.error_output_left_out,
            error,
            failure,
            globals: self.globals.clone(),
            definitions: definitions
                .into_iter()
                .map(|d| Definition { name: d.name, digest: d.digest })
                .collect(),
            kept,
            fuel_used: execution.fuel_used,
            wall: Duration::ZERO,
            tool_calls: execution.tool_calls,
        }
    }

    fn code_too_large(&self) -> Outcome {
        let failure = Failure::CodeTooLarge;
        Outcome {
            success: false,
            output: String::new(),
            output_left_out: 0,
            error_output: String::new(),
            error_output_left_out: 0,
            error: message::of(&failure, &self.config, false),
            failure: Some(failure),
            globals: self.globals.clone(),
            definitions: Vec::new(),
            kept: false,
            fuel_used: 0,
            wall: Duration::ZERO,
            tool_calls: Vec::new(),
        }
    }
}

/// Splits the guest's failure into its type and its text.
fn python_failure(failure: guest::Failure) -> (Failure, String) {
    let kind = if failure.syntax {
        Failure::Syntax
    } else {
        Failure::Exception { type_name: message::cut(failure.type_name, TYPE_NAME_BYTES) }
    };
    (kind, failure.text)
}
