//! Episodes: created, ended, hibernated.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::episode::end::EndReason;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// What episodes do.
#[derive(Default)]
pub struct Episodes {
    created: Counter,
    ended: Family<ReasonLabel, Counter>,
    hibernations: Counter,
    asleep: Gauge,
}

impl Episodes {
    /// Counts one that was created.
    pub fn create(&self) {
        self.created.inc();
    }

    /// Episodes created so far, forks included.
    pub fn created(&self) -> u64 {
        self.created.get()
    }

    /// Persistent interpreters that are not in memory.
    pub fn asleep(&self) -> i64 {
        self.asleep.get()
    }

    /// Episodes that ended so far for a reason.
    pub fn ended(&self, reason: EndReason) -> u64 {
        self.ended.get(&ReasonLabel { reason: reason.name() }).map_or(0, |count| count.get())
    }

    pub(super) fn end(&self, reason: EndReason) {
        self.ended.get_or_create(&ReasonLabel { reason: reason.name() }).inc();
    }

    pub(super) fn fall_asleep(&self) {
        self.asleep.inc();
    }

    pub(super) fn hibernate(&self) {
        self.hibernations.inc();
    }

    pub(super) fn wake(&self) {
        self.asleep.dec();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("episodes_created", "Episodes created, forks included", self.created.clone());
        registry.register("episodes_ended", "Episodes that ended, by the reason", self.ended.clone());
        let help = "Interpreters that were hibernated: moved out of memory between steps";
        registry.register("hibernations", help, self.hibernations.clone());
    }
}
