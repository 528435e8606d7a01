//! What the server counts, for `/metrics` and `GetServerInfo`. A step costs well under a microsecond here.
//!
//! | file       | what it holds                                                        |
//! |------------|----------------------------------------------------------------------|
//! | `calls`    | calls: how long they take, their codes, why they are refused         |
//! | `latency`  | quantiles, and the buckets of histograms                             |
//! | `steps`    | steps: their outcomes, how long they wait and run                    |
//! | `tenants`  | steps and fuel by tenant; how many tenants are told apart            |
//! | `episodes` | episodes: created, ended, hibernated                                 |
//! | `host_calls` | calls to tool hosts: how they end, how long they take              |
//! | `tally`    | what one episode does, counted for itself, its tenant and the server |
//!
//! No label is an episode's id, or anything else that callers choose, so that a server has a bounded number of series.

mod calls;
mod episodes;
mod host_calls;
mod latency;
mod steps;
mod tally;
mod tenants;

use std::sync::Arc;

use prometheus_client::registry::Registry;

pub use calls::{Call, Calls, Method};
pub use episodes::Episodes;
pub use host_calls::HostCalls;
pub use latency::Summary;
pub use steps::{Outcome, RecentSteps, Steps};
pub use tally::{StepTally, Tally, Usage};
pub use tenants::{Tenant, TenantTotals, Tenants};

/// Everything that is counted when it happens.
#[derive(Default)]
pub struct Metrics {
    /// Calls.
    pub calls: Arc<Calls>,
    /// Steps.
    pub steps: Steps,
    /// Tenants.
    pub tenants: Tenants,
    /// Episodes.
    pub episodes: Episodes,
}

impl Metrics {
    /// Adds all of it to a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.calls.register(registry);
        self.steps.register(registry);
        self.tenants.register(registry);
        self.episodes.register(registry);
    }

    /// The quantiles of calls and of parts of them, by name. What has not happened is left out.
    pub fn latencies(&self) -> Vec<Summary> {
        let mut summaries: Vec<_> = self.calls.latencies().chain(self.steps.latencies()).collect();
        summaries.sort_unstable_by_key(|summary| summary.name);
        summaries
    }
}
