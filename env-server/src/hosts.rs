//! Tool hosts: programs elsewhere that compute the rules of task families, while the tasks' state is here.
//!
//! | file       | what it holds                                                       |
//! |------------|---------------------------------------------------------------------|
//! | `offer`    | what a host offers, checked                                         |
//! | `contract` | what an episode relies on: a family's version and tools             |
//! | `call`     | what hosts are asked, and what they answer                          |
//! | `table`    | who is connected, which calls wait and run; who makes the next call |
//! | `asker`    | asks a host, and waits for the answer                               |
//! | `hosted`   | the task of a hosted family, as episodes play it                    |
//!
//! A call is a function of the task, the state before it and its arguments. So it is made again where a host goes away, and
//! nothing here needs to be stored.

mod asker;
mod call;
mod contract;
mod hosted;
mod offer;
mod table;

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use proto::task::{Beginning, TaskFile};
use sandbox::Stop;
use tokio::sync::mpsc;

use crate::error::Error;
use crate::family::{self, Environment, FAMILIES};
use crate::metrics::HostCalls;
use asker::Asker;
use hosted::Hosted;
use table::Table;

pub use call::{Answer, MAX_TEXT_BYTES, Question, Request};
pub use offer::{Family, Offer, OfferedFamily, OfferedTask};

/// How often the calls are looked at that were stopped, or take too long.
pub const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The tool hosts of a server. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Asker);

/// A connected host. Its calls go to others when this is dropped.
#[derive(Debug)]
pub struct Host {
    hosts: Hosts,
    id: u64,
}

/// The calls that a host is to make, with their ids; they end when the server shuts down.
pub type Requests = mpsc::UnboundedReceiver<(u64, Arc<Request>)>;

impl Hosts {
    /// The names of the families that hosts have offered, sorted.
    pub fn names(&self) -> Vec<String> {
        self.table().families.keys().cloned().collect()
    }

    /// Whether a host has offered a family of this name.
    pub fn know(&self, family: &str) -> bool {
        self.table().families.contains_key(family)
    }

    /// The family of this name.
    pub fn family(&self, name: &str) -> Option<Arc<Family>> {
        self.table().families.get(name).cloned()
    }

    /// The families that have tasks, sorted by name.
    pub fn with_tasks(&self) -> Vec<Arc<Family>> {
        self.table().families.values().filter(|family| !family.tasks.is_empty()).cloned().collect()
    }

    /// The hosts that are connected.
    pub fn connected(&self) -> usize {
        self.table().connections.len()
    }

    /// What is counted of their calls.
    pub fn metrics(&self) -> HostCalls {
        self.table().metrics.clone()
    }

    /// Takes a host with its families. `taken` are names that its families must not have.
    ///
    /// # Errors
    /// The offer is wrong, or another connected host offers a family of the same name and another contract.
    pub fn connect(&self, offer: Offer, taken: &[&str]) -> Result<(Host, Requests), Error> {
        let places = offer.places()?;
        let families = offer.check(taken)?;
        let (sender, requests) = mpsc::unbounded_channel();
        let id = self.table().connect(families, places, sender)?;
        Ok((Host { hosts: self.clone(), id }, requests))
    }

    /// The task with what a host says of its beginning, for [`Hosts::open`]. A task of another family is as it was.
    ///
    /// # Errors
    /// No host answers, or the family fails.
    pub async fn begin(&self, mut task: TaskFile) -> Result<TaskFile, Error> {
        task.beginning = None;
        let Some(family) = self.family(&task.family) else { return Ok(task) };
        task.tools = None;
        let request = Request::new(&task, Question::Open)?;
        let contract = &family.contract;
        match self.0.ask(contract.clone(), request, &Stop::default()).await? {
            Answer::Opened { goal, state } => {
                task.nl.instructions = goal;
                task.tools = Some(contract.tools.clone());
                task.beginning = Some(Beginning { state, version: contract.version.clone() });
                Ok(task)
            }
            answer => Err(answer.unfit(&task.family)),
        }
    }

    /// A task at its beginning. That of a hosted family must have begun ([`Hosts::begin`]).
    ///
    /// # Errors
    /// Every key that is wrong.
    pub fn open(&self, task: &TaskFile) -> Result<Box<dyn Environment>, family::Error> {
        match &task.beginning {
            Some(beginning) if !FAMILIES.contains(&task.family.as_str()) => {
                Ok(Box::new(Hosted::new(self.0.clone(), task, beginning)))
            }
            _ => family::open(task),
        }
    }

    /// Gives up the calls that were stopped, and those that take too long.
    pub fn look(&self) {
        self.table().look(Instant::now());
    }

    /// Ends all connections, and the calls that wait for them.
    pub fn close(&self) {
        self.table().close();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table()
    }
}

impl Host {
    /// Takes the answer to a call of this host.
    pub fn answer(&self, call_id: u64, answer: Answer) {
        self.hosts.table().answer(self.id, call_id, answer);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.hosts.table().disconnect(self.id);
    }
}

#[cfg(test)]
mod tests;
