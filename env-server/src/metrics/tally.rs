//! What one episode does, counted for itself, its tenant and the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Metrics;
use super::steps::Outcome;
use super::tenants::Tenant;
use crate::episode::end::EndReason;

/// What one episode does.
pub struct Tally {
    metrics: Arc<Metrics>,
    tenant: Arc<Tenant>,
    fuel: AtomicU64,
    run_nanos: AtomicU64,
    asleep: AtomicBool,
}

/// What steps took of the processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Interpreter fuel.
    pub fuel: u64,
    /// Time in the interpreter, or in the tools.
    pub run_time: Duration,
}

/// A step that was asked for. It is counted once, also if it comes to no end.
pub struct StepTally {
    tally: Arc<Tally>,
    asked: Instant,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Counted,
}

impl Tally {
    /// That of an episode without steps.
    pub fn new(metrics: Arc<Metrics>, tenant: &str) -> Self {
        let tenant = metrics.tenants.of(tenant);
        Self::of(metrics, tenant)
    }

    fn of(metrics: Arc<Metrics>, tenant: Arc<Tenant>) -> Self {
        Self {
            metrics,
            tenant,
            fuel: AtomicU64::new(0),
            run_nanos: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
        }
    }

    /// That of a fork, which begins at nothing.
    pub fn fork(&self) -> Self {
        Self::of(self.metrics.clone(), self.tenant.clone())
    }

    /// What the episode's steps have taken so far.
    pub fn usage(&self) -> Usage {
        Usage {
            fuel: self.fuel.load(Ordering::Relaxed),
            run_time: Duration::from_nanos(self.run_nanos.load(Ordering::Relaxed)),
        }
    }

    /// Adds what steps have taken before the server began again.
    pub fn resume(&self, usage: Usage) {
        self.fuel.store(usage.fuel, Ordering::Relaxed);
        self.run_nanos.store(usage.run_time.as_nanos().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Begins to count a step that is asked for now.
    pub fn step(self: &Arc<Self>) -> StepTally {
        self.metrics.steps.waiting.inc();
        StepTally { tally: self.clone(), asked: Instant::now(), state: State::Waiting }
    }

    /// Counts a step that was refused before it waited.
    pub fn refuse(&self) {
        self.tenant.count(Outcome::Refused, 0);
    }

    /// Counts a step whose stored answer was told again.
    pub fn repeat(&self) {
        self.metrics.steps.repeated.inc();
    }

    /// Counts the episode's end.
    pub fn end(&self, reason: EndReason) {
        self.metrics.episodes.end(reason);
    }

    /// Notes whether its interpreter exists and is not in memory.
    pub fn set_asleep(&self, asleep: bool) {
        if self.asleep.swap(asleep, Ordering::Relaxed) != asleep {
            let episodes = &self.metrics.episodes;
            if asleep { episodes.fall_asleep() } else { episodes.wake() }
        }
    }

    /// Counts a hibernation.
    pub fn hibernate(&self) {
        self.metrics.episodes.hibernate();
        self.set_asleep(true);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.set_asleep(false);
    }
}

impl StepTally {
    /// Notes that the step begins.
    pub fn begin(&mut self) {
        self.leave();
        self.tally.metrics.steps.running.inc();
        self.state = State::Running;
    }

    /// When it was asked for.
    pub fn asked(&self) -> Instant {
        self.asked
    }

    /// How long it has waited, if it has run for so long.
    pub fn waited(&self, ran: Duration) -> Duration {
        self.asked.elapsed().saturating_sub(ran)
    }

    /// Counts a step that has come to its end.
    pub fn end(mut self, outcome: Outcome, usage: Usage) {
        self.count(outcome, usage);
    }

    /// Counts a step whose stored answer is told again.
    pub fn repeat(mut self) {
        self.leave();
        self.tally.repeat();
    }

    fn count(&mut self, outcome: Outcome, usage: Usage) {
        self.leave();
        let Tally { metrics, tenant, fuel, run_nanos, .. } = &*self.tally;
        tenant.count(outcome, usage.fuel);
        fuel.fetch_add(usage.fuel, Ordering::Relaxed);
        let nanos = u64::try_from(usage.run_time.as_nanos()).unwrap_or(u64::MAX);
        run_nanos.fetch_add(nanos, Ordering::Relaxed);
        let steps = &metrics.steps;
        if outcome.was_taken() {
            steps.taken.inc();
        }
        if outcome.ran() {
            let waited = self.waited(usage.run_time);
            steps.run.observe(usage.run_time.as_secs_f64());
            steps.run_latency.record(usage.run_time);
            steps.queue.observe(waited.as_secs_f64());
            steps.queue_latency.record(waited);
        }
    }

    fn leave(&mut self) {
        let steps = &self.tally.metrics.steps;
        match std::mem::replace(&mut self.state, State::Counted) {
            State::Waiting => _ = steps.waiting.dec(),
            State::Running => _ = steps.running.dec(),
            State::Counted => {}
        }
    }
}

impl Drop for StepTally {
    fn drop(&mut self) {
        match self.state {
            State::Waiting => self.count(Outcome::Cancelled, Usage::default()),
            // It panicked.
            State::Running => self.count(Outcome::Failed, Usage::default()),
            State::Counted => {}
        }
    }
}
