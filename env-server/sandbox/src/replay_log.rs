//! What a persistent interpreter has done, so that it can be had again: where it stood, and the steps since.

use std::sync::Arc;

use crate::calls;
use crate::error::Error;
use crate::instance::{Ended, Instance};
use crate::interpreter::Config;
use crate::sandbox::Sandbox;
use crate::snapshot::Snapshot;
use crate::state::Answers;
use crate::tool::ToolRecord;

/// Running the steps again takes some 100 ms at most; the last of them may have taken longer. Packing takes a
/// millisecond or two, so it costs next to nothing to do it this often.
const MAX_FUEL: u64 = 1_000_000_000;
/// Their code and the tools' answers are bounded too.
const MAX_BYTES: usize = 4 << 20;
/// What is run again in a millisecond or two: then the steps alone are kept, which are much smaller than a snapshot.
const SHORT_FUEL: u64 = 15_000_000;

/// A snapshot, none being the start, and the steps after it.
#[derive(Clone, Default)]
pub struct ReplayLog {
    snapshot: Option<Arc<Snapshot>>,
    steps: Vec<Arc<Step>>,
    fuel: u64,
    bytes: usize,
    /// How many times longer than it should be it has grown, because a snapshot would have been too large.
    patience: u32,
}

/// A step that ended by itself.
struct Step {
    code: String,
    tool_calls: Vec<ToolRecord>,
    /// Fuel is deterministic: a replay that uses as much did the same.
    fuel_used: u64,
}

impl ReplayLog {
    /// Adds a step.
    pub fn push(&mut self, code: &str, ended: &Ended) {
        let step =
            Step { code: code.to_owned(), tool_calls: ended.tool_calls.clone(), fuel_used: ended.fuel_used };
        self.fuel += step.fuel_used;
        self.bytes += step.code.len() + step.tool_calls.iter().map(calls::held_by_record).sum::<usize>();
        self.steps.push(Arc::new(step));
    }

    /// Whether it takes long to run the steps again.
    pub fn is_long(&self) -> bool {
        self.fuel >> self.patience > MAX_FUEL
    }

    /// Whether the steps take much memory to keep.
    pub fn is_large(&self) -> bool {
        self.bytes > MAX_BYTES
    }

    /// Lets it grow to twice its length.
    pub fn double_budget(&mut self) {
        while self.is_long() {
            self.patience += 1;
        }
    }

    /// Whether it takes no time to speak of.
    pub fn is_short(&self) -> bool {
        self.fuel <= SHORT_FUEL
    }

    /// Replaces all of it with where it led.
    pub fn snapshot(&mut self, snapshot: Snapshot) {
        *self = ReplayLog { snapshot: Some(Arc::new(snapshot)), ..ReplayLog::default() };
    }

    /// What it takes of the host's memory, and of its disk, in bytes.
    pub fn kept_bytes(&self) -> (usize, usize) {
        let (memory, disk) = self.snapshot.as_ref().map_or((0, 0), |snapshot| snapshot.kept_bytes());
        (memory + self.bytes, disk)
    }

    /// An instance that has it behind it. No tool is called.
    pub fn rebuild(&self, sandbox: &Sandbox, config: &Config) -> Result<Instance, Error> {
        let mut instance = match &self.snapshot {
            Some(snapshot) => Instance::restore(sandbox, &config.limits, snapshot)?,
            None => Instance::start(sandbox, config)?,
        };
        for (index, step) in self.steps.iter().enumerate() {
            let answers = Answers::Recorded(step.tool_calls.iter().cloned().collect());
            let same = match instance.run(&step.code, &config.limits, answers) {
                Ok(ended) => ended.reply.is_ok() && ended.fuel_used == step.fuel_used,
                Err(calls::Diverged) => false,
            };
            if !same {
                return Err(Error::Diverged { step: index, of: self.steps.len() });
            }
        }
        Ok(instance)
    }

    /// How many steps there are after the snapshot.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }
}
