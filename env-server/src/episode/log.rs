//! What the log and spans say of episodes and steps: whose they are, how they end, what they take. Never code, output, or data of tasks.

use std::time::Duration;

use lifecycle::telemetry::{Span, names};

use super::end::EndReason;
use super::spec::Spec;
use crate::metrics::{Outcome, Usage};

/// A step that ran for so long is logged at the level INFO, others at DEBUG. There are not many of them: each keeps a processor
/// busy.
const LONG: Duration = Duration::from_secs(1);

/// An episode was created.
pub fn created(spec: &Spec) {
    let Spec { episode_id, tenant, task_summary, .. } = spec;
    let (set, task) = (&task_summary.set, &task_summary.task_id);
    let forked_from = spec.forked_from.as_deref().unwrap_or_default();
    tracing::debug!(episode_id, tenant, set, task, forked_from, "an episode was created");
}

/// An episode has ended. `usage` is what all its steps took.
pub fn ended(spec: &Spec, reason: EndReason, steps: u64, usage: Usage) {
    let Spec { episode_id, tenant, .. } = spec;
    let (reason, fuel, run_ms) = (reason.name(), usage.fuel, millis(usage.run_time));
    tracing::debug!(episode_id, tenant, reason, steps, fuel, run_ms, "an episode has ended");
}

/// A step has ended. `usage` is what it took, `waited` how long it waited before it ran.
pub fn step(spec: &Spec, index: u64, outcome: Outcome, usage: Usage, waited: Duration) {
    let Spec { episode_id, tenant, .. } = spec;
    let (outcome, fuel) = (outcome.name(), usage.fuel);
    let (run_ms, queue_ms) = (millis(usage.run_time), millis(waited));
    if usage.run_time >= LONG {
        tracing::info!(episode_id, tenant, index, outcome, fuel, run_ms, queue_ms, "a long step has ended");
    } else {
        tracing::debug!(episode_id, tenant, index, outcome, fuel, run_ms, queue_ms, "a step has ended");
    }
}

/// The same, in the step's span.
pub fn span(span: &Span, spec: &Spec, outcome: Outcome, usage: Usage, waited: Duration) {
    span.set_text(names::TENANT, &spec.tenant);
    span.set(names::INTERPRETER_STATE, spec.interpreter_state.name());
    span.set(names::OUTCOME, outcome.name());
    span.set_count(names::FUEL_USED, usage.fuel);
    span.set(names::RUN_SECONDS, usage.run_time.as_secs_f64());
    span.set(names::QUEUE_SECONDS, waited.as_secs_f64());
}

/// Milliseconds to three digits after the point.
fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}
