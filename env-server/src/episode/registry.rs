//! All episodes of a server: create, find, expire, forget.

mod create;
mod fork;
mod ids;
mod keep_alive;
mod list;
mod moving;
mod sweep;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures::future::join_all;
use lifecycle::Caller;
use sandbox::Sandbox;
use tokio::sync::{Semaphore, TryAcquireError};

use super::end::{Closed, EndReason};
use super::episode::{Closing, Description, Episode, Steps};
use super::history::Measure;
use super::limits::Limits;
use super::makers::Makers;
use super::play::{Stepped, lock};
use super::residency::Residency;
use super::server_name::ServerName;
use super::step::Request;
use super::store::{Found, Store};
use super::table::Table;
use super::tombstone::Tombstone;
use super::tombstones::Tombstones;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::metrics::{Metrics, Outcome, Tally};
use crate::quota::{Meter, Meters, Place};
use crate::scheduler::{Load, Scheduler};

pub use keep_alive::Leases;
pub use list::{Listing, Query};

/// Episodes that may be open for each one that may run: ended ones wait to be closed, for their lease, or until their place is
/// needed.
const OPEN_PER_RUNNING: usize = 4;

/// The settings of a registry.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name with which the ids of its episodes begin; none: ids are free.
    pub server_name: Option<ServerName>,
    /// The most running episodes.
    pub max_episodes: usize,
    /// The most interpreters in memory between steps; the least recently used ones beyond it are hibernated.
    pub max_awake: usize,
    /// Steps that run at the same time.
    pub workers: usize,
    /// Lease of an episode whose request asks for none.
    pub default_lease: Duration,
    /// Limits of an episode whose request leaves them open.
    pub default_limits: Limits,
    /// The highest limits that a request may ask for.
    pub most_limits: Limits,
    /// How many bytes a step counts as, of those that an episode keeps for repeated requests.
    pub step_bytes: Measure,
}

/// All episodes of a server.
pub struct Registry {
    sandbox: Sandbox,
    catalog: Catalog,
    options: Options,
    table: Mutex<Table>,
    /// Places for running episodes.
    slots: Arc<Semaphore>,
    meters: Meters,
    /// Runs whatever uses an interpreter.
    scheduler: Scheduler,
    residency: Arc<Residency<Episode>>,
    boot_id: String,
    metrics: Arc<Metrics>,
    /// Where episodes are stored, if they are.
    store: Option<Arc<Store>>,
    tombstones: Tombstones,
}

/// Numbers of episodes and steps.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// Episodes in the table now, ended ones included.
    pub episodes: u64,
    /// Episodes created so far.
    pub created: u64,
    /// Steps run so far.
    pub steps: u64,
    /// Episodes that have not ended.
    pub running: u64,
    /// Interpreters in memory between steps.
    pub awake: u64,
    /// Persistent interpreters that are not in memory.
    pub asleep: u64,
}

impl Registry {
    /// A registry without episodes, which stores none.
    pub fn new(sandbox: Sandbox, catalog: Catalog, scheduler: Scheduler, options: Options) -> Self {
        Self {
            store: None,
            tombstones: Tombstones::new(None, sandbox.budget()),
            sandbox,
            scheduler,
            catalog,
            table: Mutex::default(),
            slots: Arc::new(Semaphore::new(options.max_episodes)),
            meters: Meters::default(),
            residency: Arc::new(Residency::new(options.max_awake)),
            boot_id: uuid::Uuid::new_v4().to_string(),
            metrics: Arc::default(),
            options,
        }
    }

    /// The registry with the episodes that its store holds, each with a new lease. They are read when they are used.
    ///
    /// # Errors
    /// There are more running episodes in the store than there may be, or they are those of another server.
    pub fn with_store(mut self, store: Arc<Store>, found: Vec<Found>) -> Result<Self, Error> {
        for found in found {
            self.check_server(&found.spec.episode_id)?;
            let place = match &found.end {
                None => Some(self.place_again(&found)?),
                Some(_) => None,
            };
            let (makers, residency) = (self.makers(), self.residency.clone());
            let tally = Tally::new(self.metrics.clone(), &found.spec.tenant);
            let ended = found.end.is_some();
            let step_bytes = self.options.step_bytes;
            let episode =
                Episode::in_store(found, store.clone(), makers, place, residency, tally, step_bytes);
            let episode = self.table().add(Arc::new(episode)).clone();
            if ended {
                self.table().note_ended(episode);
            }
        }
        store.journal().state_id().clone_into(&mut self.boot_id);
        self.tombstones = Tombstones::new(Some(store.clone()), self.sandbox.budget());
        self.store = Some(store);
        Ok(self)
    }

    fn place_again(&self, found: &Found) -> Result<Place, Error> {
        let slot = self.slots.clone().try_acquire_owned().map_err(|_| self.full())?;
        self.meters.place_again(&found.spec.tenant, slot)
    }

    /// Where episodes are stored, if they are.
    pub fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    /// The tasks that can be played.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What makes the interpreters.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn makers(&self) -> Makers {
        Makers { sandbox: self.sandbox.clone(), hosts: self.catalog.hosts().clone() }
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The work on interpreters that has not ended.
    pub fn load(&self) -> Load {
        self.scheduler.load()
    }

    /// Its settings.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Every episode in the table, in no particular order.
    pub fn all(&self) -> Vec<Arc<Episode>> {
        self.table().all().cloned().collect()
    }

    /// Numbers of episodes and steps.
    pub fn counts(&self) -> Counts {
        Counts {
            episodes: self.table().len() as u64,
            created: self.metrics.episodes.created(),
            steps: self.metrics.steps.taken(),
            running: self.options.max_episodes.saturating_sub(self.slots.available_permits()) as u64,
            awake: self.residency.count() as u64,
            asleep: u64::try_from(self.metrics.episodes.asleep()).unwrap_or_default(),
        }
    }

    /// Remembers that an episode was closed.
    fn remember(&self, episode: &Episode, closed: &Closed) {
        self.tombstones.add(episode.tenant(), episode.id(), &Tombstone::of(episode.request_digest(), closed));
    }

    /// Waits until all that has happened is stored, where it is.
    async fn flushed(&self) -> Result<(), Error> {
        match &self.store {
            Some(store) => store.flushed().await,
            None => Ok(()),
        }
    }

    /// Refuses what needs room in the store, while it is full.
    fn check_room(&self) -> Result<(), Error> {
        self.store.as_ref().map_or(Ok(()), |store| store.check_room())
    }

    fn full(&self) -> Error {
        Error::Full { limit: self.options.max_episodes }
    }

    /// A place for one more running episode.
    fn place(&self, meter: &Meter) -> Result<Place, Error> {
        let slot = self.slots.clone().try_acquire_owned().map_err(|error| match error {
            TryAcquireError::Closed => Error::ShuttingDown,
            TryAcquireError::NoPermits => self.full(),
        })?;
        meter.place(slot)
    }

    /// Takes a step in an episode, unless `deadline` stops it.
    ///
    /// # Errors
    /// An unknown episode, a quota that is used up, or as [`Play::step`] says.
    pub async fn step(
        &self,
        caller: &Caller,
        request: Request,
        deadline: Option<Instant>,
    ) -> Result<Stepped, Error> {
        let found = self.find_open(caller, &request.episode_id);
        let episode =
            found.inspect_err(|_| self.metrics.tenants.of(&caller.tenant).count(Outcome::Refused, 0))?;
        if let Some(repeated) = episode.repeated(&request).await? {
            return Ok(repeated);
        }
        let meter = self.meters.of(caller, episode.tenant());
        self.check_room().and_then(|()| meter.step()).inspect_err(|_| episode.refuse())?;
        let stepped = episode.step(request, deadline, meter, &self.scheduler).await?;
        if !stepped.repeated && stepped.record.answer.end.is_some() {
            self.table().note_ended(episode);
        }
        Ok(stepped)
    }

    /// An episode by id. One that the caller may not act in is unknown, as if it did not exist.
    ///
    /// # Errors
    /// [`Error::UnknownEpisode`], or [`Error::WrongServer`].
    pub fn find(&self, caller: &Caller, id: &str) -> Result<Arc<Episode>, Error> {
        self.check_server(id)?;
        self.table().find(caller, id).cloned().ok_or_else(|| Error::UnknownEpisode { id: id.to_owned() })
    }

    /// An episode by id, which must not be closed.
    ///
    /// # Errors
    /// [`Error::UnknownEpisode`]; [`Error::Ended`] for one that was closed and is no more shown.
    fn find_open(&self, caller: &Caller, id: &str) -> Result<Arc<Episode>, Error> {
        self.find(caller, id).or_else(|unknown| match self.tombstones.find(&caller.tenant, id)? {
            Some(tombstone) => Err(Error::Ended { reason: tombstone.end.reason }),
            None => Err(unknown),
        })
    }

    /// Where an episode stands. Renews its lease.
    ///
    /// # Errors
    /// An unknown episode, or as of [`Episode::describe`].
    pub async fn describe(&self, caller: &Caller, id: &str, steps: Steps) -> Result<Description, Error> {
        self.find(caller, id)?.describe(steps).await
    }

    /// A tenant's episode by id.
    fn find_of(&self, tenant: &str, id: &str) -> Result<Arc<Episode>, Error> {
        self.table().find_of(tenant, id).cloned().ok_or_else(|| Error::UnknownEpisode { id: id.to_owned() })
    }

    /// The whole task file of an episode, as JSON: hidden data and reference answer too.
    ///
    /// # Errors
    /// If the caller is no operator, or the task's file has changed.
    pub fn private_task(&self, caller: &Caller, id: &str) -> Result<String, Error> {
        if !caller.is_operator() {
            return Err(Error::Forbidden("include_private needs an operator's token".to_owned()));
        }
        let file = self.find(caller, id)?.task(&self.catalog)?;
        serde_json::to_string(&file)
            .map_err(|error| Error::Internal(format!("a task cannot be written as JSON: {error}")))
    }

    /// Ends an episode, if it has not ended, and frees what it holds.
    ///
    /// # Errors
    /// [`Error::UnknownEpisode`].
    pub async fn close(&self, caller: &Caller, id: &str) -> Result<Closed, Error> {
        let episode = match self.find(caller, id) {
            Ok(episode) => episode,
            Err(unknown) => {
                return self.tombstones.find(&caller.tenant, id)?.map(Closed::from).ok_or(unknown);
            }
        };
        kill_points::pass("close.before_store");
        let Closing { closed, receipt } = episode.close(EndReason::Closed, &self.scheduler).await?;
        if closed.newly {
            self.remember(&episode, &closed);
            self.table().note_closed(episode);
        }
        match receipt {
            Some(receipt) => receipt.stored().await?,
            None => self.flushed().await?,
        }
        kill_points::pass("close.stored");
        Ok(closed)
    }

    /// Frees the memory of an interpreter or of a closed episode. Returns whether there was one.
    pub fn free_some(&self) -> bool {
        self.residency.evict() || self.table().forget_oldest_closed() || self.tombstones.free_some()
    }

    /// Names this run of the server.
    pub fn boot_id(&self) -> &str {
        &self.boot_id
    }

    /// Creates no more episodes, and lets go of those that there are, each after its running step: stored ones go on with the next
    /// server, others end. Returns how many ended so.
    pub async fn shut_down(&self) -> usize {
        self.slots.close();
        let episodes: Vec<_> = self.table().all().cloned().collect();
        let ended = join_all(episodes.iter().map(|episode| episode.shut_down())).await;
        if let Err(error) = self.flushed().await {
            tracing::error!(%error, "the last steps could not be stored");
        }
        ended.into_iter().filter(|ended| *ended).count()
    }

    /// The tenant's episode with this id, if the request with this digest created it.
    ///
    /// # Errors
    /// Another request created it, or it was closed: it does not begin again.
    fn created_before(
        &self,
        tenant: &str,
        id: &str,
        request_digest: &str,
    ) -> Result<Option<Arc<Episode>>, Error> {
        let exists = || Error::EpisodeExists { id: id.to_owned() };
        let present = self.table().find_of(tenant, id).cloned();
        match present {
            Some(episode) if !episode.was_created_by(request_digest) => Err(exists()),
            Some(episode) => match episode.summary().end_reason.filter(|_| episode.is_closed()) {
                Some(reason) => Err(Error::Ended { reason }),
                None => Ok(Some(episode)),
            },
            // The server chooses an id that is new.
            None if id.is_empty() => Ok(None),
            None => match self.tombstones.find(tenant, id)? {
                Some(tombstone) if tombstone.request_digest != request_digest => Err(exists()),
                Some(tombstone) => Err(Error::Ended { reason: tombstone.end.reason }),
                None => Ok(None),
            },
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }
}
