//! One episode: its definition, its lease, and one step at a time.
//!
//! | file       | what it holds                                  |
//! |------------|------------------------------------------------|
//! | `stepping` | steps, one after the other                     |
//! | `forking`  | copies                                         |
//! | `ending`   | the end: closed, expired, with the server      |
//! | `loading`  | it is made again from the store when it is used |
//! | `storing`  | what is stored of it beside its steps          |

mod ending;
mod forking;
mod loading;
mod stepping;
mod storing;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::SystemTime;

use proto::run::Evaluation;
use proto::task::TaskFile;
use sandbox::Stop;
use tokio::sync::Mutex as AsyncMutex;

use super::end::EndReason;
use super::history::{Measure, Page};
use super::lease::Lease;
use super::log;
use super::makers::Makers;
use super::opening::Opening;
use super::play::{Play, lock};
use super::progress::Progress;
use super::residency::{LastUse, Residency, Resident};
use super::slot::Slot;
use super::spec::Spec;
use super::store::{Found, Store};
use super::stored::Stored;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::metrics::{Tally, Usage};
use crate::quota::Place;

pub use ending::Closing;
pub use forking::{Copies, Copy, Earlier};

/// An episode of a server. Everything that changes with its steps is in [`Play`].
pub struct Episode {
    spec: Arc<Spec>,
    /// Shared with the episode's forks; set once the episode has been in memory.
    opening: OnceLock<Arc<Opening>>,
    created_at: SystemTime,
    lease: Mutex<Lease>,
    /// Locked while a step runs, and until it is stored.
    slot: Arc<AsyncMutex<Slot>>,
    /// Locked for moments only.
    progress: Arc<Mutex<Progress>>,
    /// Stops the running step, if there is one.
    running: Mutex<Option<Stop>>,
    /// Whether the episode is being closed: no step begins any more.
    closing: AtomicBool,
    residency: Arc<Residency<Episode>>,
    last_use: LastUse,
    tally: Arc<Tally>,
    makers: Makers,
    /// `None` where the server stores no episodes.
    stored: Option<Stored>,
}

/// The answer to the request that created an episode.
pub struct Created {
    /// The episode's definition.
    pub spec: Arc<Spec>,
    /// The first observation.
    pub opening: Arc<Opening>,
    /// The lease.
    pub lease: Lease,
}

/// Where an episode stands, in short.
pub struct Summary {
    /// The episode's definition.
    pub spec: Arc<Spec>,
    /// When it was created.
    pub created_at: SystemTime,
    /// The lease.
    pub lease: Lease,
    /// The index that the next step must carry.
    pub next_step_index: u64,
    /// Why it ended, if it has.
    pub end_reason: Option<EndReason>,
    /// What its steps have taken.
    pub usage: Usage,
}

/// What changes of an episode with its steps, and costs next to nothing to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Steps that were taken.
    pub steps: u64,
    /// Why it ended, if it has.
    pub end_reason: Option<EndReason>,
    /// What its steps have taken.
    pub usage: Usage,
}

/// Which steps a description holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// None.
    None,
    /// A page that begins with the step of this index, or the first one that is kept.
    From(Option<u64>),
}

/// Where an episode stands.
pub struct Description {
    /// In short.
    pub summary: Summary,
    /// The first observation.
    pub opening: Arc<Opening>,
    /// The steps that are kept, one page of them, if they were asked for.
    pub steps: Page,
    /// How well the task was solved, once the episode has ended.
    pub evaluation: Option<Evaluation>,
}

impl Episode {
    /// An episode that begins where `play` stands.
    pub fn new(
        spec: Spec,
        opening: Arc<Opening>,
        play: Play,
        makers: Makers,
        residency: Arc<Residency<Episode>>,
        tally: Tally,
        stored: Option<Stored>,
    ) -> Self {
        Self {
            lease: Mutex::new(Lease::new(spec.lease)),
            spec: Arc::new(spec),
            opening: OnceLock::from(opening),
            created_at: SystemTime::now(),
            progress: play.progress(),
            running: Mutex::default(),
            closing: AtomicBool::new(false),
            makers,
            slot: Arc::new(AsyncMutex::new(Slot::Playing(Box::new(play)))),
            residency,
            last_use: LastUse::default(),
            tally: Arc::new(tally),
            stored,
        }
    }

    /// An episode that is in the store, with a new lease. It occupies `place`, if it has not ended. `measure` says how many bytes a
    /// kept step counts as.
    pub fn in_store(
        Found { key, spec, created_at, steps, end }: Found,
        store: Arc<Store>,
        makers: Makers,
        place: Option<Place>,
        residency: Arc<Residency<Episode>>,
        tally: Tally,
        measure: Measure,
    ) -> Self {
        Self {
            lease: Mutex::new(Lease::new(spec.lease)),
            spec: Arc::new(spec),
            opening: OnceLock::new(),
            created_at,
            progress: Arc::new(Mutex::new(Progress::in_store(measure, steps, end))),
            running: Mutex::default(),
            closing: AtomicBool::new(false),
            makers,
            slot: Arc::new(AsyncMutex::new(Slot::InStore(place))),
            residency,
            last_use: LastUse::default(),
            tally: Arc::new(tally),
            stored: Some(Stored::new(store, key)),
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.spec.episode_id
    }

    /// Its task, hidden parts too.
    ///
    /// # Errors
    /// The task's file has changed, or the store can't be read.
    pub fn task(&self, catalog: &Catalog) -> Result<TaskFile, Error> {
        match &self.stored {
            Some(stored) => stored.task(),
            None => Ok(self.spec.task.load(catalog)?.1),
        }
    }

    /// Its definition.
    pub fn spec(&self) -> &Arc<Spec> {
        &self.spec
    }

    /// When it was created.
    pub fn created_at(&self) -> SystemTime {
        self.created_at
    }

    /// Who owns it.
    pub fn tenant(&self) -> &str {
        &self.spec.tenant
    }

    /// The digest of the request that created it.
    pub fn request_digest(&self) -> &str {
        &self.spec.request_digest
    }

    /// Whether the request with this digest created it.
    pub fn was_created_by(&self, request_digest: &str) -> bool {
        self.spec.request_digest == request_digest
    }

    /// The answer to the request that created it. Renews the lease.
    ///
    /// # Errors
    /// As of [`Episode::opening`].
    pub async fn created(self: &Arc<Self>) -> Result<Created, Error> {
        self.renew();
        let opening = self.opening().await?;
        Ok(Created { spec: self.spec.clone(), opening, lease: *self.lease() })
    }

    /// Logs that it was created.
    pub fn note_created(&self) {
        log::created(&self.spec);
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.progress().closed
    }

    /// Where the episode stands, in short.
    pub fn summary(&self) -> Summary {
        self.summary_of(&self.progress())
    }

    /// Where it stands.
    pub fn standing(&self) -> Standing {
        let progress = self.progress();
        Standing {
            steps: progress.history.next(),
            end_reason: progress.end.as_ref().map(|end| end.reason),
            usage: self.tally.usage(),
        }
    }

    fn summary_of(&self, progress: &Progress) -> Summary {
        Summary {
            spec: self.spec.clone(),
            created_at: self.created_at,
            lease: *self.lease(),
            next_step_index: progress.history.next(),
            end_reason: progress.end.as_ref().map(|end| end.reason),
            usage: self.tally.usage(),
        }
    }

    /// Where the episode stands. Renews the lease.
    ///
    /// # Errors
    /// The page of steps that was asked for is no longer kept, or as of [`Episode::opening`].
    pub async fn describe(self: &Arc<Self>, steps: Steps) -> Result<Description, Error> {
        self.renew();
        let opening = self.opening().await?;
        let progress = self.progress();
        let steps = match steps {
            Steps::None => Page::default(),
            Steps::From(index) => progress.history.page(index)?,
        };
        Ok(Description {
            summary: self.summary_of(&progress),
            opening,
            steps,
            evaluation: progress.end.as_ref().map(|end| end.evaluation.clone()),
        })
    }

    /// Renews the lease, and returns it; `None` if the episode is closed.
    pub fn keep_alive(&self) -> Option<Lease> {
        if self.progress().closed {
            return None;
        }
        self.renew();
        Some(*self.lease())
    }

    /// When it was created, and its id: the order of a listing.
    pub fn age(&self) -> (SystemTime, &str) {
        (self.created_at, self.id())
    }

    fn renew(&self) {
        self.lease().renew();
    }

    fn lease(&self) -> MutexGuard<'_, Lease> {
        lock(&self.lease)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        lock(&self.progress)
    }
}

impl Resident for Episode {
    fn last_use(&self) -> &LastUse {
        &self.last_use
    }

    fn hibernate(&self) -> bool {
        let Ok(mut slot) = self.slot.try_lock() else { return false };
        let Some(play) = slot.in_memory() else { return true };
        play.hibernate();
        self.note_snapshot(play);
        if play.is_asleep() {
            self.tally.hibernate();
        }
        true
    }
}
