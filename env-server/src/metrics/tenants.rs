//! What each tenant does.

use std::array::from_fn;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::steps::Outcome;

/// The most tenants that are told apart. Those that come later are counted together.
const MOST: usize = 100;
/// The name of all others.
const OTHER: &str = "other";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TenantLabel {
    tenant: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    tenant: Arc<str>,
    outcome: Outcome,
}

/// What tenants do.
#[derive(Default)]
pub struct Tenants {
    by_name: RwLock<HashMap<String, Arc<Tenant>>>,
    steps: Family<StepLabels, Counter>,
    fuel: Family<TenantLabel, Counter>,
}

/// What one tenant does. Its parts of the families are looked up once.
pub struct Tenant {
    name: Arc<str>,
    family: Family<StepLabels, Counter>,
    steps: [OnceLock<Counter>; Outcome::ALL.len()],
    fuel: Counter,
}

/// What one tenant's steps came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantTotals {
    /// The tenant.
    pub name: Arc<str>,
    /// Steps that were asked for, in the order of [`Outcome::ALL`].
    pub steps: [u64; Outcome::ALL.len()],
    /// Interpreter fuel.
    pub fuel: u64,
}

impl Tenants {
    /// What each of them came to, in the order of their names.
    pub fn totals(&self) -> Vec<TenantTotals> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        let mut totals: Vec<_> = by_name.values().map(|tenant| tenant.totals()).collect();
        totals.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        totals
    }

    /// A tenant by name.
    pub fn of(&self, name: &str) -> Arc<Tenant> {
        let known = self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        known.unwrap_or_else(|| {
            let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
            let name = if by_name.contains_key(name) || by_name.len() < MOST { name } else { OTHER };
            by_name.entry(name.to_owned()).or_insert_with(|| Arc::new(self.new_tenant(name))).clone()
        })
    }

    fn new_tenant(&self, name: &str) -> Tenant {
        let tenant: Arc<str> = name.into();
        let label = TenantLabel { tenant: tenant.clone() };
        Tenant {
            name: tenant,
            family: self.steps.clone(),
            steps: from_fn(|_| OnceLock::new()),
            fuel: self.fuel.get_or_create_owned(&label),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("steps", "Steps that were asked for, by how they ended", self.steps.clone());
        registry.register("step_fuel", "Interpreter fuel that steps used", self.fuel.clone());
    }
}

impl Tenant {
    fn totals(&self) -> TenantTotals {
        let steps = from_fn(|outcome| self.steps[outcome].get().map_or(0, Counter::get));
        TenantTotals { name: self.name.clone(), steps, fuel: self.fuel.get() }
    }

    /// Counts a step, and the fuel that it used.
    pub fn count(&self, outcome: Outcome, fuel: u64) {
        let steps = self.steps[outcome as usize].get_or_init(|| {
            self.family.get_or_create_owned(&StepLabels { tenant: self.name.clone(), outcome })
        });
        steps.inc();
        self.fuel.inc_by(fuel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_tenants_are_told_apart() {
        let tenants = Tenants::default();
        for number in 0..MOST + 10 {
            tenants.of(&format!("tenant-{number}")).count(Outcome::Ok, 7);
        }
        tenants.of("tenant-0").count(Outcome::Ok, 1);
        let fuel = |name: &str| tenants.fuel.get(&TenantLabel { tenant: name.into() }).map(|fuel| fuel.get());
        assert_eq!((fuel("tenant-0"), fuel(OTHER), fuel("tenant-100")), (Some(8), Some(70), None));
        let totals = tenants.totals();
        let other = totals.iter().find(|totals| &*totals.name == OTHER).unwrap();
        assert_eq!((totals.len(), other.fuel, other.steps[Outcome::Ok as usize]), (MOST + 1, 70, 10));
        assert_eq!(tenants.by_name.read().unwrap().len(), MOST + 1);
    }
}
