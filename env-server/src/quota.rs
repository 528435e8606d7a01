//! What tenants use, held against their quotas.
//!
//! | file   | what it holds                                     |
//! |--------|---------------------------------------------------|
//! | `rate` | one thing that may be used at so much a second    |

mod rate;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lifecycle::{Caller, Quota, Role};
use tokio::sync::OwnedSemaphorePermit;

use crate::error::Error;
use rate::Rate;

/// What each tenant uses.
#[derive(Default)]
pub struct Meters {
    by_tenant: Mutex<HashMap<String, Arc<Meter>>>,
}

/// What one tenant uses, and how much it may.
pub struct Meter {
    quota: Quota,
    running: Arc<AtomicU64>,
    creates: Option<Rate>,
    steps: Option<Rate>,
    fuel: Option<Rate>,
}

/// A place among the running episodes of the server, and of a tenant. It is given back when it is dropped.
pub struct Place {
    _slot: OwnedSemaphorePermit,
    running: Arc<AtomicU64>,
}

impl Meters {
    /// The meter of a tenant in whose episodes the caller acts. An operator's calls are not held against its quota.
    pub fn of(&self, caller: &Caller, tenant: &str) -> Arc<Meter> {
        let mut by_tenant = self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_tenant.get(tenant);
        let running = || known.map(|meter| meter.running.clone()).unwrap_or_default();
        if caller.is_operator() {
            let meter = Arc::new(Meter::new(Quota::default(), running()));
            // Its episodes count for the tenant from now on.
            by_tenant.entry(tenant.to_owned()).or_insert_with(|| meter.clone());
            return meter;
        }
        match known {
            Some(meter) if meter.quota == caller.quota => meter.clone(),
            _ => {
                let meter = Arc::new(Meter::new(caller.quota, running()));
                by_tenant.insert(tenant.to_owned(), meter.clone());
                meter
            }
        }
    }
}

impl Meters {
    /// A place for a tenant's episode of a server that began again. It counts for the tenant, and no quota refuses it.
    ///
    /// # Errors
    /// None: an unlimited tenant has room.
    pub fn place_again(&self, tenant: &str, slot: OwnedSemaphorePermit) -> Result<Place, Error> {
        let operator = Caller { role: Role::Operator, ..Caller::default() };
        self.of(&operator, tenant).place(slot)
    }
}

impl Meter {
    fn new(quota: Quota, running: Arc<AtomicU64>) -> Self {
        Self {
            running,
            creates: quota.creates_per_second.map(Rate::new),
            steps: quota.steps_per_second.map(Rate::new),
            fuel: quota.fuel_per_second.map(Rate::new),
            quota,
        }
    }

    /// Counts episodes that are about to be created.
    ///
    /// # Errors
    /// [`Error::OverQuota`]. Nothing is counted then.
    pub fn create(&self, count: u64) -> Result<(), Error> {
        take(self.creates.as_ref(), count, "creates_per_second")
    }

    /// Counts a step that is about to begin.
    ///
    /// # Errors
    /// [`Error::OverQuota`], also if earlier steps used more fuel than there has been time for. Nothing is counted then.
    pub fn step(&self) -> Result<(), Error> {
        take(self.fuel.as_ref(), 0, "fuel_per_second")?;
        take(self.steps.as_ref(), 1, "steps_per_second")
    }

    /// Counts the fuel of a step that has ended.
    pub fn burn(&self, fuel: u64) {
        if let Some(rate) = &self.fuel {
            rate.charge(fuel);
        }
    }

    /// A place for an episode that is to run in `slot`.
    ///
    /// # Errors
    /// [`Error::OverQuota`].
    pub fn place(&self, slot: OwnedSemaphorePermit) -> Result<Place, Error> {
        let most = self.quota.episodes.map_or(u64::MAX, u64::from);
        let one_more = |running: u64| (running < most).then(|| running + 1);
        self.running
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .map_err(|_| Error::OverQuota { quota: "episodes", limit: most, wait: Duration::ZERO })?;
        Ok(Place { _slot: slot, running: self.running.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}

fn take(rate: Option<&Rate>, count: u64, quota: &'static str) -> Result<(), Error> {
    let Some(rate) = rate else { return Ok(()) };
    rate.take(count).map_err(|wait| Error::OverQuota { quota, limit: rate.per_second(), wait })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use tokio::sync::Semaphore;

    use super::*;

    fn agent(quota: Quota) -> Caller {
        Caller { quota, ..Caller::default() }
    }

    fn episodes(most: u64) -> Caller {
        agent(Quota { episodes: NonZeroU64::new(most), ..Quota::default() })
    }

    fn place(meter: &Meter) -> Result<Place, Error> {
        meter.place(Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap())
    }

    #[test]
    fn places_are_given_back() {
        let meters = Meters::default();
        let meter = meters.of(&episodes(1), "red");
        let first = place(&meter).unwrap();
        assert!(matches!(place(&meter), Err(Error::OverQuota { quota: "episodes", limit: 1, .. })));
        place(&meters.of(&episodes(1), "blue")).unwrap();
        drop(first);
        place(&meter).unwrap();
    }

    #[test]
    fn a_changed_quota_counts_the_places_that_were_taken_before() {
        let meters = Meters::default();
        let _first = place(&meters.of(&episodes(1), "red")).unwrap();
        assert!(place(&meters.of(&episodes(1), "red")).is_err());
        let _second = place(&meters.of(&episodes(2), "red")).unwrap();
        assert!(place(&meters.of(&episodes(2), "red")).is_err());
    }

    #[test]
    fn an_operator_is_not_limited_and_does_not_lift_limits() {
        let meters = Meters::default();
        let operator = Caller { role: Role::Operator, ..Caller::default() };
        let _operators = place(&meters.of(&operator, "red")).unwrap();
        assert!(place(&meters.of(&episodes(1), "red")).is_err(), "the episode is the tenant's");
        let _operators = place(&meters.of(&operator, "red")).unwrap();

        let limited = agent(Quota { steps_per_second: NonZeroU64::new(1), ..Quota::default() });
        let meter = meters.of(&limited, "red");
        meters.of(&operator, "red").step().unwrap();
        assert!(Arc::ptr_eq(&meter, &meters.of(&limited, "red")), "what was used is not forgotten");
    }

    #[test]
    fn fuel_is_charged_afterwards() {
        let meters = Meters::default();
        let quota = Quota { fuel_per_second: NonZeroU64::new(1_000_000_000), ..Quota::default() };
        let meter = meters.of(&agent(quota), "red");
        meter.step().unwrap();
        meter.burn(3_600_000_000_000);
        let Err(Error::OverQuota { quota, limit, wait }) = meter.step() else { panic!("it may go on") };
        assert_eq!((quota, limit), ("fuel_per_second", 1_000_000_000));
        assert!((3500..3600).contains(&wait.as_secs()), "{wait:?}");
    }
}
