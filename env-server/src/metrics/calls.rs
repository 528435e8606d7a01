//! Calls: how long they take, how they end, how many are under way.

use std::array::from_fn;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use lifecycle::code_name;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tonic::Code;

use super::latency::{Latency, Summary, histogram};
use crate::error::Error;

/// The number of gRPC's codes.
const CODES: usize = 17;

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // They are the protocol's.
pub enum Method {
    CloseEpisode,
    CreateEpisode,
    ExportEpisode,
    ForkEpisode,
    GetEpisode,
    GetServerInfo,
    HostFamilies,
    ImportEpisode,
    KeepAlive,
    ListEpisodes,
    ListTasks,
    Step,
    StepBatch,
    StepStream,
}

impl Method {
    /// All of them, in the order of their values.
    pub const ALL: [Self; 14] = [
        Self::CloseEpisode,
        Self::CreateEpisode,
        Self::ExportEpisode,
        Self::ForkEpisode,
        Self::GetEpisode,
        Self::GetServerInfo,
        Self::HostFamilies,
        Self::ImportEpisode,
        Self::KeepAlive,
        Self::ListEpisodes,
        Self::ListTasks,
        Self::Step,
        Self::StepBatch,
        Self::StepStream,
    ];

    /// The protocol's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::CloseEpisode => "CloseEpisode",
            Self::CreateEpisode => "CreateEpisode",
            Self::ExportEpisode => "ExportEpisode",
            Self::ForkEpisode => "ForkEpisode",
            Self::GetEpisode => "GetEpisode",
            Self::GetServerInfo => "GetServerInfo",
            Self::HostFamilies => "HostFamilies",
            Self::ImportEpisode => "ImportEpisode",
            Self::KeepAlive => "KeepAlive",
            Self::ListEpisodes => "ListEpisodes",
            Self::ListTasks => "ListTasks",
            Self::Step => "Step",
            Self::StepBatch => "StepBatch",
            Self::StepStream => "StepStream",
        }
    }
}

impl EncodeLabelValue for Method {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        self.name().encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabel {
    method: Method,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    method: Method,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// What calls do.
pub struct Calls {
    by_method: [OfMethod; Method::ALL.len()],
    durations: Family<CallLabels, Histogram, fn() -> Histogram>,
    under_way: Family<MethodLabel, Gauge>,
    refused: Family<ReasonLabel, Counter>,
}

/// The calls of one method. Its parts of the families are looked up once.
#[derive(Default)]
struct OfMethod {
    latency: Latency,
    durations: [OnceLock<Histogram>; CODES],
    under_way: Gauge,
}

/// A call under way. If it is dropped before its end, its client has gone, or its deadline has passed.
pub struct Call {
    calls: Arc<Calls>,
    method: Method,
    deadline: Option<Instant>,
    began: Instant,
    ended: bool,
}

impl Default for Calls {
    fn default() -> Self {
        let under_way = Family::<MethodLabel, Gauge>::default();
        let of_method = |method| OfMethod {
            under_way: under_way.get_or_create_owned(&MethodLabel { method }),
            ..OfMethod::default()
        };
        Self {
            by_method: from_fn(|index| of_method(Method::ALL[index])),
            durations: Family::new_with_constructor(histogram),
            under_way,
            refused: Family::default(),
        }
    }
}

impl Calls {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help =
            "How long calls took, by the code they ended with; a step of a stream or a batch is a Step";
        registry.register_with_unit("rpc_duration", help, Unit::Seconds, self.durations.clone());
        registry.register("calls_under_way", "Calls that have not ended", self.under_way.clone());
        let help =
            "Calls, and steps of streams and batches, that were refused, by the reason in their status";
        registry.register("refused", help, self.refused.clone());
    }

    pub(super) fn latencies(&self) -> impl Iterator<Item = Summary> {
        let summary = |(method, of): (Method, &OfMethod)| of.latency.summary(method.name());
        Method::ALL.into_iter().zip(&self.by_method).filter_map(summary)
    }

    /// Begins a call whose client waits until `deadline`.
    pub fn begin(self: &Arc<Self>, method: Method, deadline: Option<Instant>) -> Call {
        self.by_method[method as usize].under_way.inc();
        Call { calls: self.clone(), method, deadline, began: Instant::now(), ended: false }
    }

    /// Counts why a call failed, if it was refused.
    pub fn note(&self, error: &Error) {
        if error.is_refusal() {
            self.refused.get_or_create(&ReasonLabel { reason: error.reason() }).inc();
        }
    }

    fn record(&self, method: Method, code: Code, took: Duration) {
        let of = &self.by_method[method as usize];
        of.latency.record(took);
        let durations = of.durations[code as usize].get_or_init(|| {
            self.durations.get_or_create_owned(&CallLabels { method, code: code_name(code) })
        });
        durations.observe(took.as_secs_f64());
    }
}

impl Call {
    /// Ends it.
    pub fn end(mut self, code: Code) {
        self.ended = true;
        self.calls.record(self.method, code, self.began.elapsed());
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.calls.by_method[self.method as usize].under_way.dec();
        if !self.ended {
            let passed = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            let code = if passed { Code::DeadlineExceeded } else { Code::Cancelled };
            self.calls.record(self.method, code, self.began.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_its_place() {
        for (place, method) in Method::ALL.into_iter().enumerate() {
            assert_eq!(method as usize, place, "{method:?}");
            assert_eq!(method.name(), format!("{method:?}"));
        }
    }

    #[test]
    fn a_call_that_is_given_up_is_counted() {
        let calls = Arc::new(Calls::default());
        let count = |code| {
            let of = &calls.by_method[Method::Step as usize];
            let summary = of.latency.summary("Step").map_or(0, |summary| summary.count);
            (of.durations[code as usize].get().is_some(), summary, of.under_way.get())
        };
        let call = calls.begin(Method::Step, None);
        assert_eq!(count(Code::Ok), (false, 0, 1));
        call.end(Code::Ok);
        assert_eq!(count(Code::Ok), (true, 1, 0));
        drop(calls.begin(Method::Step, None));
        assert_eq!(count(Code::Cancelled), (true, 2, 0));
        drop(calls.begin(Method::Step, Some(Instant::now())));
        assert_eq!(count(Code::DeadlineExceeded), (true, 3, 0));
    }

    #[test]
    fn what_fails_for_other_reasons_is_not_refused() {
        let calls = Calls::default();
        for error in [Error::Full { limit: 1 }, Error::Stopped, Error::Internal(String::new())] {
            calls.note(&error);
        }
        let count = |reason| calls.refused.get(&ReasonLabel { reason }).map(|count| count.get());
        assert_eq!(["SERVER_FULL", "STEP_STOPPED", "INTERNAL"].map(count), [Some(1), None, None]);
    }
}
