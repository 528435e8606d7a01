//! What a server allows, as it tells it.

use lifecycle::{Caller, Quota};
use proto::env::v1;

use crate::episode::Options;
use crate::episode::lease::MAX_LEASE;

/// What the server allows apart from its registry's options.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most bytes of a request.
    pub request_bytes: usize,
    /// The most steps of a batch.
    pub batch_steps: usize,
    /// The most connections at a time.
    pub connections: usize,
    /// The memory that the server may take, in bytes.
    pub memory_bytes: usize,
}

impl Bounds {
    /// All that is bounded, with the options of the registry.
    pub fn with(self, options: &Options) -> v1::ServerLimits {
        v1::ServerLimits {
            highest_limits: Some((&options.most_limits).into()),
            max_episodes: options.max_episodes as u64,
            max_awake: options.max_awake as u64,
            memory_bytes: self.memory_bytes as u64,
            default_lease: options.default_lease.try_into().ok(),
            max_lease: MAX_LEASE.try_into().ok(),
            max_request_bytes: self.request_bytes as u64,
            max_batch_steps: self.batch_steps as u64,
            max_connections: self.connections as u64,
            workers: options.workers as u64,
        }
    }
}

/// The quota of a caller; `None` if nothing bounds it.
pub fn quota(caller: &Caller) -> Option<v1::Quota> {
    if caller.is_operator() || caller.quota == Quota::default() {
        return None;
    }
    let Quota { episodes, creates_per_second, steps_per_second, fuel_per_second } = caller.quota;
    let [episodes, creates_per_second, steps_per_second, fuel_per_second] =
        [episodes, creates_per_second, steps_per_second, fuel_per_second]
            .map(|most| most.map_or(0, u64::from));
    Some(v1::Quota { episodes, creates_per_second, steps_per_second, fuel_per_second })
}
