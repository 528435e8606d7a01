//! Leases of many episodes are renewed at once.

use lifecycle::Caller;

use super::Registry;
use crate::episode::lease::Lease;
use crate::error::{Error, Violation};

/// The most episodes of one call.
const MAX_IDS: usize = 1000;

/// Renewed leases.
pub struct Leases {
    /// In the order of the ids; `None` where no open episode of the caller has the id.
    pub leases: Vec<Option<Lease>>,
    /// The ids that no open episode of the caller has.
    pub unknown: Vec<String>,
}

impl Registry {
    /// Renews the leases of these episodes. One that the caller may not act in is unknown, as if it did not exist.
    ///
    /// # Errors
    /// Too many ids.
    pub fn keep_alive(&self, caller: &Caller, ids: Vec<String>) -> Result<Leases, Error> {
        if ids.len() > MAX_IDS {
            let description = format!("must be at most {MAX_IDS}; renew the others in further calls");
            return Err(Violation::new("episode_ids", description).into());
        }
        let renew = |id: &String| self.find(caller, id).ok()?.keep_alive();
        let leases: Vec<_> = ids.iter().map(renew).collect();
        let unknown = ids.into_iter().zip(&leases).filter(|(_, lease)| lease.is_none()).map(|(id, _)| id);
        Ok(Leases { unknown: unknown.collect(), leases })
    }
}
