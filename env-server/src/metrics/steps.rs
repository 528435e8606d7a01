//! Steps: how they end, how long they wait and run.

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use sandbox::Failure;

use super::latency::{Latency, Recent, Summary, histogram};
use crate::error::Error;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Without an error.
    Ok,
    /// With an uncaught exception.
    Exception,
    /// The code is not Python.
    Syntax,
    /// It called too many tools.
    ToolCallLimit,
    /// Its fuel ran out.
    Fuel,
    /// It took too long.
    WallClock,
    /// It needed more memory than its episode may have.
    Memory,
    /// Its code is too long.
    CodeSize,
    /// It broke its interpreter.
    Crash,
    /// It was stopped before its end, at its deadline or because its episode was closed.
    Stopped,
    /// Its client went away before it began.
    Cancelled,
    /// It was not run: a quota, no memory, a wrong index, no such episode.
    Refused,
    /// A fault of the server, or of a tool host.
    Failed,
}

impl Outcome {
    /// All of them, in the order of their values.
    pub const ALL: [Self; 13] = [
        Self::Ok,
        Self::Exception,
        Self::Syntax,
        Self::ToolCallLimit,
        Self::Fuel,
        Self::WallClock,
        Self::Memory,
        Self::CodeSize,
        Self::Crash,
        Self::Stopped,
        Self::Cancelled,
        Self::Refused,
        Self::Failed,
    ];

    /// Its name: that of the protocol's error kind, if it is one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Exception => "exception",
            Self::Syntax => "syntax",
            Self::ToolCallLimit => "tool_call_limit",
            Self::Fuel => "fuel",
            Self::WallClock => "wall_clock",
            Self::Memory => "memory",
            Self::CodeSize => "code_size",
            Self::Crash => "crash",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// The outcome of a step that was taken.
    pub fn of(failure: Option<&Failure>) -> Self {
        match failure {
            None => Self::Ok,
            Some(Failure::Exception { .. }) => Self::Exception,
            Some(Failure::Syntax) => Self::Syntax,
            Some(Failure::ToolCallLimit) => Self::ToolCallLimit,
            Some(Failure::OutOfFuel) => Self::Fuel,
            Some(Failure::WallClock) => Self::WallClock,
            Some(Failure::OutOfMemory) => Self::Memory,
            Some(Failure::CodeTooLarge) => Self::CodeSize,
            Some(Failure::Crashed) => Self::Crash,
        }
    }

    /// The outcome of a step that was not taken.
    pub fn of_error(error: &Error) -> Self {
        match error {
            Error::Stopped => Self::Stopped,
            Error::Internal(_) | Error::NoHost { .. } | Error::FamilyFault { .. } => Self::Failed,
            _ => Self::Refused,
        }
    }

    /// Whether the step ran, at least for a while.
    pub fn ran(self) -> bool {
        !matches!(self, Self::Cancelled | Self::Refused)
    }

    /// Whether the step was taken: it has an answer.
    pub fn was_taken(self) -> bool {
        self.ran() && !matches!(self, Self::Stopped | Self::Failed)
    }
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        self.name().encode(encoder)
    }
}

/// What steps do.
pub struct Steps {
    /// Steps that wait for an earlier one of their episode, or for a free worker.
    pub waiting: Gauge,
    /// Steps that have begun.
    pub running: Gauge,
    /// Steps whose stored answers were told again.
    pub repeated: Counter,
    pub(super) run: Histogram,
    pub(super) queue: Histogram,
    pub(super) run_latency: Latency,
    pub(super) queue_latency: Latency,
    pub(super) taken: Counter,
}

/// How long steps waited and ran, from one look to the next.
#[derive(Default)]
pub struct RecentSteps {
    queue: Recent,
    run: Recent,
}

impl RecentSteps {
    /// The quantiles of the waits, and of the runs, since the last look.
    pub fn look(&mut self, steps: &Steps) -> [Option<Summary>; 2] {
        [self.queue.look(&steps.queue_latency, "Step.queue"), self.run.look(&steps.run_latency, "Step.run")]
    }
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            waiting: Gauge::default(),
            running: Gauge::default(),
            repeated: Counter::default(),
            run: histogram(),
            queue: histogram(),
            run_latency: Latency::default(),
            queue_latency: Latency::default(),
            taken: Counter::default(),
        }
    }
}

impl Steps {
    /// Steps that were taken so far.
    pub fn taken(&self) -> u64 {
        self.taken.get()
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "How long steps ran, in the interpreter or in tools, however they ended";
        registry.register_with_unit("step_run", help, Unit::Seconds, self.run.clone());
        let help = "How long steps waited, for an earlier one of their episode and for their turns";
        registry.register_with_unit("step_queue", help, Unit::Seconds, self.queue.clone());
        registry.register("steps_waiting", "Steps that have not begun", self.waiting.clone());
        registry.register("steps_running", "Steps that have begun and not ended", self.running.clone());
        let help = "Steps whose stored answers were told again; they ran once";
        registry.register("steps_repeated", help, self.repeated.clone());
    }

    pub(super) fn latencies(&self) -> impl Iterator<Item = Summary> {
        [self.queue_latency.summary("Step.queue"), self.run_latency.summary("Step.run")].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use proto::env::v1::ErrorKind;

    use super::*;
    use crate::wire::error_kind;

    #[test]
    fn every_outcome_has_its_place() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place, "{outcome:?}");
        }
    }

    #[test]
    fn failures_have_the_protocol_s_names() {
        let exception = Failure::Exception { type_name: "ValueError".to_owned() };
        for failure in [
            exception,
            Failure::Syntax,
            Failure::ToolCallLimit,
            Failure::OutOfFuel,
            Failure::WallClock,
            Failure::OutOfMemory,
            Failure::CodeTooLarge,
            Failure::Crashed,
        ] {
            let kind: ErrorKind = error_kind(&failure).0;
            assert_eq!(Outcome::of(Some(&failure)).name(), proto::env::error_kind_name(kind));
        }
    }
}
