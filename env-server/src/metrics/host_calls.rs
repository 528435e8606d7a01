//! Calls to tool hosts: how they end, how long they take.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::latency::histogram;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    family: String,
    outcome: &'static str,
}

/// Calls to tool hosts. Families are named by operators, a hundred of each host at most.
#[derive(Clone, Debug)]
pub struct HostCalls(Family<Labels, Histogram, fn() -> Histogram>);

impl Default for HostCalls {
    fn default() -> Self {
        Self(Family::new_with_constructor(histogram))
    }
}

impl HostCalls {
    /// Adds them to a registry.
    pub fn register(&self, registry: &mut Registry) {
        let help = "How long calls to tool hosts took, other attempts and the wait for a host included";
        registry.register_with_unit("tool_host_call_duration", help, Unit::Seconds, self.0.clone());
    }

    /// Counts a call that has ended so.
    pub fn record(&self, family: &str, outcome: &'static str, took: Duration) {
        let labels = Labels { family: family.to_owned(), outcome };
        self.0.get_or_create(&labels).observe(took.as_secs_f64());
    }
}
