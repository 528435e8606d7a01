//! Who is connected, which calls wait and run, and who makes the next one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sandbox::Stop;
use tokio::sync::{mpsc, oneshot};

use super::call::{Answer, Request};
use super::contract::Contract;
use super::offer::Family;
use crate::error::{Error, Violation};
use crate::metrics::HostCalls;

/// Hosts that may go away in the middle of a call before it is given up: it may be what ends them.
const MOST_LOST: u32 = 3;

/// The hosts and their calls. What changes it also hands out calls.
#[derive(Debug, Default)]
pub struct Table {
    /// The families by name, as they were offered last.
    pub families: BTreeMap<String, Arc<Family>>,
    /// The hosts that are connected.
    pub connections: BTreeMap<u64, Connection>,
    /// Calls that no host has, the oldest first.
    waiting: VecDeque<Call>,
    /// The id of the next connection or call.
    next: u64,
    closed: bool,
    /// What is counted.
    pub metrics: HostCalls,
}

/// A connected host.
#[derive(Debug)]
pub struct Connection {
    contracts: Vec<Arc<Contract>>,
    /// The most calls at a time.
    places: usize,
    requests: mpsc::UnboundedSender<(u64, Arc<Request>)>,
    /// Its calls; `None` where nobody waits for the answer any more, which still occupies a place.
    calls: BTreeMap<u64, Option<Call>>,
}

/// A call that somebody waits for.
#[derive(Debug)]
pub struct Call {
    /// Of which family a host must make it.
    pub contract: Arc<Contract>,
    /// What is asked.
    pub request: Arc<Request>,
    /// Who waits for the answer.
    pub told: oneshot::Sender<Result<Answer, Error>>,
    /// Stops it.
    pub stop: Stop,
    /// When it was asked.
    pub asked: Instant,
    /// When it is given up.
    pub give_up: Instant,
    /// Hosts that have gone away while they made it.
    pub lost: u32,
}

impl Table {
    /// Adds a host, and its families.
    ///
    /// # Errors
    /// Another host offers one of them with another contract; the server shuts down.
    pub fn connect(
        &mut self,
        families: Vec<Family>,
        places: usize,
        requests: mpsc::UnboundedSender<(u64, Arc<Request>)>,
    ) -> Result<u64, Error> {
        if self.closed {
            return Err(Error::ShuttingDown);
        }
        let others = || self.connections.values().flat_map(|connection| &connection.contracts);
        for (index, Family { contract, .. }) in families.iter().enumerate() {
            if others().any(|other| other.family == contract.family && !other.is(contract)) {
                let rule = format!(
                    "another host is connected that offers `{}` with another version or other tools",
                    contract.family
                );
                return Err(Violation::new(format!("offer.families[{index}]"), rule).into());
            }
        }
        let contracts = families.iter().map(|family| family.contract.clone()).collect();
        for mut family in families {
            let known =
                self.families.remove(family.name()).filter(|known| known.contract.is(&family.contract));
            if let (Some(known), true) = (known, family.tasks.is_empty()) {
                family.tasks.clone_from(&known.tasks);
            }
            self.families.insert(family.name().to_owned(), Arc::new(family));
        }
        let id = self.new_id();
        let calls = BTreeMap::new();
        self.connections.insert(id, Connection { contracts, places, requests, calls });
        self.assign();
        Ok(id)
    }

    /// Removes a host. Its calls go to others.
    pub fn disconnect(&mut self, id: u64) {
        let Some(connection) = self.connections.remove(&id) else { return };
        for mut call in connection.calls.into_values().rev().flatten() {
            call.lost += 1;
            if call.lost < MOST_LOST {
                self.waiting.push_front(call);
            } else {
                call.fail("several went away while they made the call", &self.metrics);
            }
        }
        self.assign();
    }

    /// Adds a call.
    pub fn add(&mut self, call: Call) {
        if self.closed {
            return call.tell(Err(Error::ShuttingDown), &self.metrics);
        }
        self.waiting.push_back(call);
        self.assign();
    }

    /// Takes a host's answer to a call.
    pub fn answer(&mut self, connection: u64, call_id: u64, answer: Answer) {
        let calls = self.connections.get_mut(&connection).map(|connection| &mut connection.calls);
        // What is no call of this host, or was answered, says nothing.
        let Some(call) = calls.and_then(|calls| calls.remove(&call_id)) else { return };
        if let Some(call) = call {
            call.tell(Ok(answer), &self.metrics);
        }
        self.assign();
    }

    /// Gives up the calls that were stopped, that nobody waits for, or that take too long.
    pub fn look(&mut self, now: Instant) {
        for call in std::mem::take(&mut self.waiting) {
            let why = if self.serves(&call.contract) {
                "those that are connected have no room"
            } else if self.connections.values().any(|host| host.offers_name(&call.contract.family)) {
                "the version that the episode began with is not connected, but another one"
            } else {
                "none is connected"
            };
            if !call.ends(now) {
                self.waiting.push_back(call);
            } else if !call.stop.is_asked() {
                call.fail(why, &self.metrics);
            } else {
                call.tell(Err(Error::Stopped), &self.metrics);
            }
        }
        for call in self.connections.values_mut().flat_map(|connection| connection.calls.values_mut()) {
            match call.take_if(|call| call.ends(now)) {
                Some(call) if call.stop.is_asked() => call.tell(Err(Error::Stopped), &self.metrics),
                Some(call) => call.fail("the answer takes longer than call_timeout", &self.metrics),
                None => {}
            }
        }
    }

    /// Ends all connections and calls; there are no more from now on.
    pub fn close(&mut self) {
        self.closed = true;
        // Whoever waits for a call is told by its end.
        self.waiting.clear();
        self.connections.clear();
    }

    /// Whether a connected host offers this.
    pub fn serves(&self, contract: &Contract) -> bool {
        self.connections.values().any(|connection| connection.offers(contract))
    }

    /// How long a call may take, as its family was offered last.
    pub fn timeout(&self, contract: &Contract) -> Duration {
        let offered = self.families.get(&contract.family).map(|family| &family.contract);
        offered.filter(|offered| offered.is(contract)).map_or(contract.call_timeout, |it| it.call_timeout)
    }

    /// Gives waiting calls to hosts with room.
    fn assign(&mut self) {
        for call in std::mem::take(&mut self.waiting) {
            let id = self.new_id();
            let hosts = self.connections.values_mut();
            let roomiest = hosts
                .filter(|host| host.room() > 0 && host.offers(&call.contract))
                .max_by_key(|host| host.room());
            match roomiest {
                _ if call.told.is_closed() => {}
                // A host that is just going away takes none.
                Some(host) if host.requests.send((id, call.request.clone())).is_ok() => {
                    host.calls.insert(id, Some(call));
                }
                _ => self.waiting.push_back(call),
            }
        }
    }

    fn new_id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Connection {
    fn offers(&self, contract: &Contract) -> bool {
        self.contracts.iter().any(|offered| offered.is(contract))
    }

    fn offers_name(&self, family: &str) -> bool {
        self.contracts.iter().any(|offered| offered.family == family)
    }

    fn room(&self) -> usize {
        self.places.saturating_sub(self.calls.len())
    }
}

impl Call {
    /// Whether nobody is to wait for it any longer.
    fn ends(&self, now: Instant) -> bool {
        self.told.is_closed() || self.stop.is_asked() || now >= self.give_up
    }

    fn fail(self, why: &'static str, metrics: &HostCalls) {
        let family = self.contract.family.clone();
        self.tell(Err(Error::NoHost { family, why }), metrics);
    }

    fn tell(self, answer: Result<Answer, Error>, metrics: &HostCalls) {
        let outcome = match &answer {
            Ok(Answer::Opened { .. } | Answer::Result { .. }) => "answered",
            Ok(Answer::Refusal(_)) => "refused",
            Ok(Answer::Fault(_)) => "failed",
            Err(Error::Stopped) => "stopped",
            Err(_) => "no_answer",
        };
        metrics.record(&self.contract.family, outcome, self.asked.elapsed());
        // Whoever asked may have gone.
        let _ = self.told.send(answer);
    }
}
