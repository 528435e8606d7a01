//! One episode: its definition, its lease, and one step at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use proto::run::Evaluation;
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};

use super::end::EndReason;
use super::lease::Lease;
use super::opening::Opening;
use super::play::{Closed, Play, Stepped};
use super::residency::{LastUse, Residency, Resident};
use super::spec::Spec;
use super::step::{self, Record};
use crate::error::Error;

/// How long an ended episode waits to be closed, if its lease is longer.
const ENDED_RETENTION: Duration = Duration::from_secs(600);

/// An episode of a server. Everything that changes with its steps is in [`Play`].
pub struct Episode {
    spec: Arc<Spec>,
    /// Shared with the episode's forks.
    opening: Arc<Opening>,
    created_at: SystemTime,
    lease: Mutex<Lease>,
    play: Arc<AsyncMutex<Play>>,
    residency: Arc<Residency<Episode>>,
    last_use: LastUse,
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
}

/// Where an episode stands.
pub struct Description {
    /// In short.
    pub summary: Summary,
    /// The first observation.
    pub opening: Arc<Opening>,
    /// The steps that are kept, if they were asked for.
    pub steps: Vec<Arc<Record>>,
    /// How well the task was solved, once the episode has ended.
    pub evaluation: Option<Evaluation>,
}

impl Episode {
    /// An episode that begins where `play` stands.
    pub fn new(spec: Spec, opening: Arc<Opening>, play: Play, residency: Arc<Residency<Episode>>) -> Self {
        Self {
            lease: Mutex::new(Lease::new(spec.lease)),
            spec: Arc::new(spec),
            opening,
            created_at: SystemTime::now(),
            play: Arc::new(AsyncMutex::new(play)),
            residency,
            last_use: LastUse::default(),
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.spec.episode_id
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
    pub fn created(&self) -> Created {
        self.renew();
        Created { spec: self.spec.clone(), opening: self.opening.clone(), lease: *self.lease() }
    }

    /// Takes one step on a worker. The steps of one episode run one after the other. A step that has begun runs to
    /// its end even if its caller has gone, and its answer is kept for the caller's return.
    ///
    /// # Errors
    /// See [`Play::step`].
    pub async fn step(
        self: &Arc<Self>,
        request: step::Request,
        workers: &Arc<Semaphore>,
    ) -> Result<Stepped, Error> {
        self.renew();
        let queued = Instant::now();
        let mut play = self.play.clone().lock_owned().await;
        let worker = workers.clone().acquire_owned().await.map_err(|_| Error::ShuttingDown)?;
        let queue_time = queued.elapsed();
        let span = tracing::debug_span!("step", episode_id = self.id(), step_index = request.index);
        let episode = self.clone();
        let step = move || {
            let _worker = worker;
            let answer = span.in_scope(|| play.step(request, queue_time));
            // Done here, while `play` is locked: the caller may have gone, and the step may have taken longer than
            // the lease.
            episode.renew();
            episode.note_residency(&play);
            answer
        };
        tokio::task::spawn_blocking(step)
            .await
            .unwrap_or_else(|panic| Err(Error::Internal(format!("a step did not come to its end: {panic}"))))
    }

    /// Makes an episode that stands where this one does, once the running step has ended. `add` adds it to the
    /// server's episodes.
    ///
    /// # Errors
    /// See [`Play::fork`], and those of `add`.
    pub async fn fork<T: Send + 'static>(
        self: &Arc<Self>,
        id: String,
        request_digest: String,
        slot: OwnedSemaphorePermit,
        workers: &Arc<Semaphore>,
        add: impl FnOnce(Episode) -> Result<(Arc<Episode>, T), Error> + Send + 'static,
    ) -> Result<(Arc<Episode>, T), Error> {
        self.renew();
        let mut play = self.play.clone().lock_owned().await;
        let worker = workers.clone().acquire_owned().await.map_err(|_| Error::ShuttingDown)?;
        let episode = self.clone();
        let fork = move || {
            let _worker = worker;
            let fork = play.fork(slot);
            // Forking may have woken the interpreter.
            episode.note_residency(&play);
            let spec = episode.spec.fork(id, request_digest);
            let fork = Self::new(spec, episode.opening.clone(), fork?, episode.residency.clone());
            let (fork, added) = add(fork)?;
            fork.note_residency(&fork.play.blocking_lock());
            Ok((fork, added))
        };
        tokio::task::spawn_blocking(fork)
            .await
            .unwrap_or_else(|panic| Err(Error::Internal(format!("an episode was not forked: {panic}"))))
    }

    /// Notes whether the interpreter is in memory. Must be called after whatever may have woken or ended it.
    fn note_residency(self: &Arc<Self>, play: &Play) {
        if play.is_awake() {
            self.residency.used(self);
        } else {
            self.residency.left(self);
        }
    }

    /// Ends the episode, if it has not ended, and frees its interpreter and its steps.
    pub async fn close(&self, reason: EndReason) -> Closed {
        self.close_now(&mut *self.play.lock().await, reason)
    }

    fn close_now(&self, play: &mut Play, reason: EndReason) -> Closed {
        self.residency.left(self);
        play.close(reason)
    }

    /// Closes the episode if no step is running and its lease has run out, or it ended a while ago. Returns whether
    /// this call closed it.
    pub fn close_if_expired(&self, now: Instant) -> bool {
        let Ok(mut play) = self.play.try_lock() else { return false };
        let lease = *self.lease();
        let expired = lease.expired(now) || (play.end().is_some() && lease.untouched(now) > ENDED_RETENTION);
        expired && self.close_now(&mut play, EndReason::LeaseExpired).newly
    }

    /// Where the episode stands, in short.
    pub async fn summary(&self) -> Summary {
        let play = self.play.lock().await;
        self.summary_of(&play)
    }

    fn summary_of(&self, play: &Play) -> Summary {
        Summary {
            spec: self.spec.clone(),
            created_at: self.created_at,
            lease: *self.lease(),
            next_step_index: play.next_step_index(),
            end_reason: play.end().map(|end| end.reason),
        }
    }

    /// Where the episode stands. Renews the lease.
    pub async fn describe(&self, include_steps: bool) -> Description {
        self.renew();
        let play = self.play.lock().await;
        Description {
            summary: self.summary_of(&play),
            opening: self.opening.clone(),
            steps: if include_steps { play.steps() } else { Vec::new() },
            evaluation: play.end().map(|end| end.evaluation.clone()),
        }
    }

    fn renew(&self) {
        self.lease().renew();
    }

    fn lease(&self) -> MutexGuard<'_, Lease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resident for Episode {
    fn last_use(&self) -> &LastUse {
        &self.last_use
    }

    fn hibernate(&self) -> bool {
        self.play.try_lock().map(|mut play| play.hibernate()).is_ok()
    }
}
