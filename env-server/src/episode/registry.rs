//! All episodes of a server: create, find, expire, forget.

mod fork;
mod keep_alive;
mod list;
mod sweep;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join_all;
use lifecycle::Caller;
use sandbox::{Sandbox, Stop};
use tokio::sync::{Semaphore, TryAcquireError};

use super::bridge::Bridge;
use super::end::EndReason;
use super::episode::{Created, Episode};
use super::history::Measure;
use super::limits::Limits;
use super::opening::Opening;
use super::play::{Closed, Play, Stepped};
use super::residency::Residency;
use super::spec::{self, Spec, Terms};
use super::step::Request;
use super::table::Table;
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
    /// A registry without episodes.
    pub fn new(sandbox: Sandbox, catalog: Catalog, scheduler: Scheduler, options: Options) -> Self {
        Self {
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

    /// The tasks that can be played.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What makes the interpreters.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
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

    /// Creates an episode of the caller's tenant. A repeated request with an episode id gets the first one's episode. The
    /// request is decoded by the scheduler's threads, too: a large one takes a while.
    ///
    /// # Errors
    /// A wrong field, an unknown task, an id that is taken, no room, a quota that is used up.
    pub async fn create(
        self: &Arc<Self>,
        caller: Caller,
        request: impl Into<spec::Request> + Send + 'static,
    ) -> Result<Created, Error> {
        let (registry, tenant) = (self.clone(), caller.tenant.clone());
        let create = async move { registry.create_now(&caller, request.into()) };
        self.scheduler.run(&tenant, Stop::default(), create).await?
    }

    fn create_now(&self, caller: &Caller, request: spec::Request) -> Result<Created, Error> {
        let tenant = &*caller.tenant;
        if !request.boot_id.is_empty() && request.boot_id != self.boot_id {
            return Err(Error::Restarted { boot_id: self.boot_id.clone() });
        }
        if let Some(episode) = self.created_before(tenant, &request.episode_id, &request.digest)? {
            return Ok(episode.created());
        }
        let meter = self.meters.of(caller, tenant);
        meter.create(1)?;
        let (spec, environment) = Spec::new(request, &self.terms(tenant))?;
        let opening = Arc::new(Opening::of(environment.as_ref()));
        let place = self.place(&meter)?;
        let bridge = Bridge::new(environment);
        let (sandbox, measure) = (self.sandbox.clone(), self.options.step_bytes);
        let play = Play::new(sandbox, &spec, &opening.tools, bridge, place, measure)?;
        let tally = Tally::new(self.metrics.clone(), tenant);
        let (episode, _) = self.add(Episode::new(spec, opening, play, self.residency.clone(), tally))?;
        Ok(episode.created())
    }

    fn terms<'a>(&'a self, tenant: &'a str) -> Terms<'a> {
        Terms {
            tenant,
            catalog: &self.catalog,
            default_limits: &self.options.default_limits,
            most_limits: &self.options.most_limits,
            default_lease: self.options.default_lease,
            least_memory: self.sandbox.least_memory_bytes(),
        }
    }

    /// Adds an episode, unless another call with the same request has added one. Returns the one in the table, and
    /// whether it is new.
    fn add(&self, episode: Episode) -> Result<(Arc<Episode>, bool), Error> {
        let episode = Arc::new(episode);
        let mut table = self.table();
        let most = self.options.max_episodes.saturating_mul(OPEN_PER_RUNNING);
        if table.open() >= most && !table.close_one_ended() {
            return Err(self.full());
        }
        let present = table.add(episode.clone()).clone();
        if !present.was_created_by(episode.request_digest()) {
            return Err(Error::EpisodeExists { id: present.id().to_owned() });
        }
        let is_new = Arc::ptr_eq(&present, &episode);
        if is_new {
            self.metrics.episodes.create();
            present.note_created();
        }
        Ok((present, is_new))
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
        let found = self.find(caller, &request.episode_id);
        let episode =
            found.inspect_err(|_| self.metrics.tenants.of(&caller.tenant).count(Outcome::Refused, 0))?;
        if let Some(stored) = episode.stored(&request) {
            return Ok(stored);
        }
        let meter = self.meters.of(caller, episode.tenant());
        meter.step().inspect_err(|_| episode.refuse())?;
        let stepped = episode.step(request, deadline, meter, &self.scheduler).await?;
        if !stepped.repeated && stepped.record.answer.end.is_some() {
            self.table().note_ended(episode);
        }
        Ok(stepped)
    }

    /// An episode by id. One that the caller may not act in is unknown, as if it did not exist.
    ///
    /// # Errors
    /// [`Error::UnknownEpisode`].
    pub fn find(&self, caller: &Caller, id: &str) -> Result<Arc<Episode>, Error> {
        self.table().find(caller, id).cloned().ok_or_else(|| Error::UnknownEpisode { id: id.to_owned() })
    }

    /// A tenant's episode by id.
    fn find_of(&self, tenant: &str, id: &str) -> Result<Arc<Episode>, Error> {
        self.table().find_of(tenant, id).cloned().ok_or_else(|| Error::UnknownEpisode { id: id.to_owned() })
    }

    /// The whole task file of an episode, as JSON: hidden data and reference answer too.
    ///
    /// # Errors
    /// If the caller is no operator, or the task's file has changed.
    pub fn private_task(&self, caller: &Caller, episode: &Episode) -> Result<String, Error> {
        if !caller.is_operator() {
            return Err(Error::Forbidden("include_private needs an operator's token".to_owned()));
        }
        let (_, file) = episode.task().load(&self.catalog)?;
        serde_json::to_string(&file)
            .map_err(|error| Error::Internal(format!("a task cannot be written as JSON: {error}")))
    }

    /// Ends an episode, if it has not ended, and frees what it holds.
    ///
    /// # Errors
    /// [`Error::UnknownEpisode`].
    pub async fn close(&self, caller: &Caller, id: &str) -> Result<Closed, Error> {
        let episode = self.find(caller, id)?;
        let closed = episode.close(EndReason::Closed, &self.scheduler).await;
        if closed.newly {
            self.table().note_closed(episode);
        }
        Ok(closed)
    }

    /// Frees the memory of an interpreter or of a closed episode. Returns whether there was one.
    pub fn free_some(&self) -> bool {
        self.residency.evict() || self.table().forget_oldest_closed()
    }

    /// Names this run of the server.
    pub fn boot_id(&self) -> &str {
        &self.boot_id
    }

    /// Creates no more episodes, and ends those that run, each after its running step. Returns how many ended so.
    pub async fn shut_down(&self) -> usize {
        self.slots.close();
        let episodes: Vec<_> = self.table().all().cloned().collect();
        let ended = join_all(episodes.iter().map(|episode| episode.shut_down())).await;
        ended.into_iter().filter(|ended| *ended).count()
    }

    /// The tenant's episode with this id, if the request with this digest created it.
    fn created_before(
        &self,
        tenant: &str,
        id: &str,
        request_digest: &str,
    ) -> Result<Option<Arc<Episode>>, Error> {
        match self.table().find_of(tenant, id) {
            Some(episode) if !episode.was_created_by(request_digest) => {
                Err(Error::EpisodeExists { id: id.to_owned() })
            }
            present => Ok(present.cloned()),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
