//! All episodes of a server: create, find, expire, forget.

mod fork;
mod keep_alive;
mod list;
mod sweep;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sandbox::{Sandbox, Stop};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::bridge::Bridge;
use super::end::EndReason;
use super::episode::{Created, Episode};
use super::history::Measure;
use super::limits::Limits;
use super::opening::Opening;
use super::play::{Closed, Play, Stepped};
use super::residency::Residency;
use super::spec::{self, Spec, Terms};
use super::step;
use super::table::Table;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::scheduler::Scheduler;

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
    /// Lease of an episode whose request asks for none.
    pub default_lease: Duration,
    /// Limits of an episode whose request leaves them open.
    pub default_limits: Limits,
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
    /// Runs whatever uses an interpreter.
    scheduler: Scheduler,
    residency: Arc<Residency<Episode>>,
    created: AtomicU64,
    steps: AtomicU64,
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
    /// Interpreters in memory between steps.
    pub awake: u64,
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
            residency: Arc::new(Residency::new(options.max_awake)),
            created: AtomicU64::new(0),
            steps: AtomicU64::new(0),
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

    /// Limits of an episode whose request leaves them open.
    pub fn default_limits(&self) -> &Limits {
        &self.options.default_limits
    }

    /// Numbers of episodes and steps.
    pub fn counts(&self) -> Counts {
        Counts {
            episodes: self.table().len() as u64,
            created: self.created.load(Ordering::Relaxed),
            steps: self.steps.load(Ordering::Relaxed),
            awake: self.residency.count() as u64,
        }
    }

    /// Creates an episode. A repeated request with an episode id gets the first one's episode. The request is decoded by
    /// the scheduler's threads, too: a large one takes a while.
    ///
    /// # Errors
    /// A wrong field, an unknown task, an id that is taken, no room.
    pub async fn create(
        self: &Arc<Self>,
        request: impl Into<spec::Request> + Send + 'static,
    ) -> Result<Created, Error> {
        let registry = self.clone();
        self.scheduler.run(Stop::default(), async move { registry.create_now(request.into()) }).await?
    }

    fn create_now(&self, request: spec::Request) -> Result<Created, Error> {
        if let Some(episode) = self.created_before(&request.episode_id, &request.digest)? {
            return Ok(episode.created());
        }
        let (spec, environment) = Spec::new(request, &self.terms())?;
        let opening = Arc::new(Opening::of(environment.as_ref()));
        let slot = self.slots(1)?;
        let bridge = Bridge::new(environment);
        let (sandbox, measure) = (self.sandbox.clone(), self.options.step_bytes);
        let play = Play::new(sandbox, &spec, &opening.tools, bridge, slot, measure);
        let (episode, _) = self.add(Episode::new(spec, opening, play, self.residency.clone()))?;
        Ok(episode.created())
    }

    fn terms(&self) -> Terms<'_> {
        Terms {
            catalog: &self.catalog,
            default_limits: &self.options.default_limits,
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
        self.created.fetch_add(u64::from(is_new), Ordering::Relaxed);
        Ok((present, is_new))
    }

    fn full(&self) -> Error {
        Error::Full { limit: self.options.max_episodes }
    }

    /// Places for `count` more running episodes.
    fn slots(&self, count: u32) -> Result<OwnedSemaphorePermit, Error> {
        self.slots.clone().try_acquire_many_owned(count).map_err(|error| match error {
            TryAcquireError::Closed => Error::ShuttingDown,
            TryAcquireError::NoPermits => self.full(),
        })
    }

    /// Takes a step in an episode, unless `deadline` stops it.
    ///
    /// # Errors
    /// An unknown episode, or as [`Play::step`] says.
    pub async fn step(&self, request: step::Request, deadline: Option<Instant>) -> Result<Stepped, Error> {
        let episode = self.find(&request.episode_id)?;
        let stepped = episode.step(request, deadline, &self.scheduler).await?;
        self.steps.fetch_add(u64::from(!stepped.repeated), Ordering::Relaxed);
        if !stepped.repeated && stepped.record.answer.end.is_some() {
            self.table().note_ended(&stepped.record.request.episode_id);
        }
        Ok(stepped)
    }

    /// An episode by id.
    ///
    /// # Errors
    /// [`Error::UnknownEpisode`].
    pub fn find(&self, id: &str) -> Result<Arc<Episode>, Error> {
        self.table().find(id).cloned().ok_or_else(|| Error::UnknownEpisode { id: id.to_owned() })
    }

    /// Ends an episode, if it has not ended, and frees what it holds.
    ///
    /// # Errors
    /// [`Error::UnknownEpisode`].
    pub async fn close(&self, id: &str) -> Result<Closed, Error> {
        let closed = self.find(id)?.close(EndReason::Closed, &self.scheduler).await;
        if closed.newly {
            self.table().note_closed(id);
        }
        Ok(closed)
    }

    /// Creates no more episodes from now on.
    pub fn shut_down(&self) {
        self.slots.close();
    }

    /// The episode with this id, if the request with this digest created it.
    fn created_before(&self, id: &str, request_digest: &str) -> Result<Option<Arc<Episode>>, Error> {
        match self.table().find(id) {
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
