//! The replay log of a persistent interpreter: a snapshot and the steps since, from which it can be rebuilt.

use std::sync::Arc;

use crate::calls;
use crate::config::Config;
use crate::error::Error;
use crate::host::Host;
use crate::instance::{Instance, Unfinished};
use crate::past::{PastStep, StoredSnapshot};
use crate::seeds::Seeds;
use crate::snapshot::Snapshot;
use crate::state::Answers;
use crate::stop::Stop;

/// The replay budget in fuel of an interpreter of which little changed. Replaying this much takes some 100 ms; a
/// snapshot takes one or two milliseconds, so taking one this often costs almost nothing.
const MAX_FUEL: u64 = 1_000_000_000;
/// The replay budget in fuel for each changed byte of a larger interpreter. A snapshot takes 2 ns a byte, replaying
/// this much 3 to 6 ns: snapshots take less than the steps between them, and replays not much more than a snapshot.
const FUEL_PER_BYTE: u64 = 64;
/// The bound of the log's size: the code of its steps, their tool calls and the answers.
const MAX_BYTES: usize = 4 << 20;
/// A log with no more fuel than this is replayed in one or two milliseconds. It is kept instead of a
/// snapshot, because it is much smaller.
const SHORT_FUEL: u64 = 15_000_000;

/// A snapshot (`None` is the initial state) and the steps after it.
#[derive(Clone, Default)]
pub struct ReplayLog {
    snapshot: Option<Arc<Snapshot>>,
    steps: Vec<Arc<PastStep>>,
    /// The fuel of all steps.
    fuel: u64,
    /// The fuel of all replays since the snapshot.
    replayed: u64,
    /// The size of all steps in bytes.
    bytes: usize,
    /// The replay budget, if it is more than [`MAX_FUEL`].
    larger_budget: u64,
}

impl ReplayLog {
    /// The log of a snapshot and steps.
    pub fn new(snapshot: Option<Snapshot>, steps: Vec<PastStep>) -> ReplayLog {
        let mut log = ReplayLog { snapshot: snapshot.map(Arc::new), ..ReplayLog::default() };
        steps.into_iter().for_each(|step| log.push(step));
        log
    }

    /// The file of its snapshot, if there is one.
    pub fn stored_snapshot(&self) -> Option<StoredSnapshot> {
        self.snapshot.as_ref()?.stored()
    }

    /// Appends a step.
    pub fn push(&mut self, step: PastStep) {
        self.fuel += step.fuel_used;
        self.bytes += step.code.len() + step.tool_calls.iter().map(calls::record_bytes).sum::<usize>();
        self.steps.push(Arc::new(step));
    }

    /// Whether its steps and their replays exceed the budget.
    pub fn is_long(&self) -> bool {
        self.spent() > self.larger_budget.max(MAX_FUEL)
    }

    /// The largest snapshot, in bytes of changed memory, that is worth what the steps and their replays took.
    pub fn worthwhile_bytes(&self) -> usize {
        usize::try_from(self.spent() / FUEL_PER_BYTE).unwrap_or(usize::MAX)
    }

    /// Sets the budget to what a snapshot of `changed` bytes is worth.
    pub fn put_off(&mut self, changed: usize) {
        self.larger_budget = FUEL_PER_BYTE.saturating_mul(changed as u64);
    }

    /// Notes that the log was replayed.
    pub fn replayed(&mut self) {
        self.replayed += self.fuel;
    }

    /// The fuel of a replay.
    pub fn fuel(&self) -> u64 {
        self.fuel
    }

    fn spent(&self) -> u64 {
        self.fuel.saturating_add(self.replayed)
    }

    /// Whether the steps exceed the size bound.
    pub fn is_large(&self) -> bool {
        self.bytes > MAX_BYTES
    }

    /// Whether a replay takes one or two milliseconds at most.
    pub fn is_short(&self) -> bool {
        self.fuel <= SHORT_FUEL
    }

    /// Replaces the log by a snapshot of the state after its last step.
    pub fn compact(&mut self, snapshot: Snapshot) {
        *self = ReplayLog::new(Some(snapshot), Vec::new());
    }

    /// The bytes it takes in the host's memory and on disk.
    pub fn kept_bytes(&self) -> (usize, usize) {
        let (memory, disk) = self.snapshot.as_ref().map_or((0, 0), |snapshot| snapshot.kept_bytes());
        (memory + self.bytes, disk)
    }

    /// Creates an instance in the state after the last step. Tool calls are answered from the log. `seeds` are
    /// those that its first instance was started with.
    ///
    /// # Errors
    /// [`Error::Diverged`] if a step behaves differently from its first run; [`Error::Stopped`] if `stop` stopped it.
    pub async fn rebuild(
        &self,
        host: &Host,
        config: &Config,
        seeds: Seeds,
        stop: &Stop,
    ) -> Result<Instance, Error> {
        let mut instance = match &self.snapshot {
            Some(snapshot) => Instance::restore(host, &config.limits, snapshot).await?,
            None => Instance::start(host, config, seeds).await?,
        };
        for (index, step) in self.steps.iter().enumerate() {
            let answers = Answers::Recorded(step.tool_calls.iter().cloned().collect());
            let same = match instance.run(&step.code, &config.limits, answers, stop).await {
                Ok(execution) => execution.reply.is_ok() && execution.fuel_used == step.fuel_used,
                Err(Unfinished::Diverged) => false,
                Err(Unfinished::Stopped) => return Err(Error::Stopped),
                Err(Unfinished::NoMemory(error)) => return Err(error.into()),
                Err(Unfinished::Fault(fault)) => return Err(Error::Fault(fault)),
            };
            if !same {
                return Err(Error::Diverged { step: index, of: self.steps.len() });
            }
        }
        Ok(instance)
    }

    /// The number of steps after the snapshot.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }
}
