//! One episode: who it is, and one step at a time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use proto::env::v1;
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};

use super::awake::{Awake, LastUse};
use super::error::Error;
use super::lease::Lease;
use super::play::{Closed, End, Play, Stepped};

/// How long an ended episode waits to be closed, if its lease is longer.
const ENDED_RETENTION: Duration = Duration::from_secs(600);

/// An episode that the server holds. What moves is behind [`Play`]; the rest
/// is fixed when it is created.
pub struct Episode {
    /// The first answer, without its lease.
    created: v1::CreateEpisodeResponse,
    created_at: std::time::SystemTime,
    /// Digest of the request that created it.
    request: [u8; 32],
    lease: Mutex<Lease>,
    play: Arc<AsyncMutex<Play>>,
    awake: Arc<Awake>,
    last_use: LastUse,
    /// The episode that it was forked from; empty if none.
    forked_from: String,
}

/// What an episode is made from.
pub struct Beginning {
    /// The first answer, without its lease.
    pub created: v1::CreateEpisodeResponse,
    /// Digest of the request that created it.
    pub request: [u8; 32],
    /// How long it lives untouched.
    pub lease: Duration,
    /// What moves.
    pub play: Play,
    /// The episode that it was forked from; empty if none.
    pub forked_from: String,
}

impl Episode {
    /// An episode from where `beginning` stands.
    pub fn new(beginning: Beginning, awake: Arc<Awake>) -> Self {
        Self {
            created: beginning.created,
            created_at: std::time::SystemTime::now(),
            request: beginning.request,
            lease: Mutex::new(Lease::new(beginning.lease)),
            play: Arc::new(AsyncMutex::new(beginning.play)),
            awake,
            last_use: LastUse::default(),
            forked_from: beginning.forked_from,
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.created.episode_id
    }

    /// Whether the request with this digest created it.
    pub fn was_created_by(&self, request: &[u8; 32]) -> bool {
        self.request == *request
    }

    /// The answer to the request that created it; renews the lease.
    pub fn creation(&self) -> v1::CreateEpisodeResponse {
        self.renew();
        v1::CreateEpisodeResponse { lease: Some(self.lease()), ..self.created.clone() }
    }

    /// Takes one step on a worker. Steps of one episode run one after the
    /// other; a caller who goes away does not stop a step that has begun, so
    /// its answer is there when the caller comes back.
    ///
    /// # Errors
    /// See [`Play::step`].
    pub async fn step(
        self: &Arc<Self>,
        request: v1::StepRequest,
        workers: &Arc<Semaphore>,
    ) -> Result<Stepped, Error> {
        self.renew();
        let queued = Instant::now();
        let mut play = self.play.clone().lock_owned().await;
        let worker = workers.clone().acquire_owned().await.map_err(|_| Error::ShuttingDown)?;
        let queue_time = queued.elapsed();
        let span = tracing::debug_span!("step", episode_id = self.id(), step_index = request.step_index);
        let episode = self.clone();
        let step = move || {
            let _worker = worker;
            let answer = span.in_scope(|| play.step(request, queue_time));
            // Here, while nobody else can hold `play`: the caller may have gone, and the step may have taken
            // longer than the lease.
            episode.renew();
            episode.note(&play);
            answer
        };
        tokio::task::spawn_blocking(step)
            .await
            .unwrap_or_else(|panic| Err(Error::Internal(format!("a step did not come to its end: {panic}"))))
    }

    /// Makes an episode that stands where this one does, under another id, once the step that runs has ended; `add`
    /// gives it its place among the others.
    ///
    /// # Errors
    /// See [`Play::fork`], and those of `add`.
    pub async fn fork<T: Send + 'static>(
        self: &Arc<Self>,
        id: String,
        request: [u8; 32],
        slot: OwnedSemaphorePermit,
        workers: &Arc<Semaphore>,
        add: impl FnOnce(Beginning) -> Result<(Arc<Episode>, T), Error> + Send + 'static,
    ) -> Result<(Arc<Episode>, T), Error> {
        self.renew();
        let mut play = self.play.clone().lock_owned().await;
        let worker = workers.clone().acquire_owned().await.map_err(|_| Error::ShuttingDown)?;
        let episode = self.clone();
        let fork = move || {
            let _worker = worker;
            let fork = play.fork(slot);
            // It may have woken for that.
            episode.note(&play);
            let (fork, added) = add(Beginning {
                created: v1::CreateEpisodeResponse { episode_id: id, ..episode.created.clone() },
                request,
                lease: episode.lease.lock().unwrap_or_else(PoisonError::into_inner).duration(),
                play: fork?,
                forked_from: episode.id().to_owned(),
            })?;
            fork.note(&fork.play.blocking_lock());
            Ok((fork, added))
        };
        tokio::task::spawn_blocking(fork)
            .await
            .unwrap_or_else(|panic| Err(Error::Internal(format!("an episode was not forked: {panic}"))))
    }

    /// Puts its interpreter to sleep, unless it is in use. Says whether it was not.
    pub fn hibernate(&self) -> bool {
        self.play.try_lock().map(|mut play| play.hibernate()).is_ok()
    }

    /// When it was last used.
    pub fn last_use(&self) -> &LastUse {
        &self.last_use
    }

    /// Notes whether its interpreter is awake, after anything that may have woken or ended it.
    fn note(self: &Arc<Self>, play: &Play) {
        if play.is_awake() {
            self.awake.used(self);
        } else {
            self.awake.gone(&self.last_use);
        }
    }

    /// Ends it, if it has not ended, and frees what it holds.
    pub async fn close(&self, reason: v1::EndReason) -> Closed {
        self.close_now(&mut *self.play.lock().await, reason)
    }

    fn close_now(&self, play: &mut Play, reason: v1::EndReason) -> Closed {
        self.awake.gone(&self.last_use);
        play.close(reason)
    }

    /// Closes it if nobody has touched it for its lease, or for a while after
    /// it ended, and no step is running. Says whether it did.
    pub fn close_if_expired(&self, now: Instant) -> bool {
        let Ok(mut play) = self.play.try_lock() else { return false };
        let lease = *self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        let expired = lease.expired(now) || (play.end().is_some() && lease.untouched(now) > ENDED_RETENTION);
        expired && self.close_now(&mut play, v1::EndReason::LeaseExpired).newly
    }

    /// Where it stands, in short.
    pub async fn summary(&self) -> v1::EpisodeSummary {
        let play = self.play.lock().await;
        self.summary_of(&play)
    }

    fn summary_of(&self, play: &Play) -> v1::EpisodeSummary {
        let end = play.end();
        v1::EpisodeSummary {
            episode_id: self.id().to_owned(),
            task: self.created.task.clone(),
            interpreter_state: self.created.interpreter_state,
            seed: self.created.seed,
            next_step_index: play.next_step_index(),
            ended: end.is_some(),
            end_reason: end.map_or(v1::EndReason::Unspecified, |end| end.reason).into(),
            created_at: Some(self.created_at.into()),
            lease: Some(self.lease()),
            forked_from: self.forked_from.clone(),
            state_loss: self.created.state_loss,
        }
    }

    /// Where it stands.
    pub async fn describe(&self, include_steps: bool) -> v1::GetEpisodeResponse {
        self.renew();
        let play = self.play.lock().await;
        let end = play.end();
        v1::GetEpisodeResponse {
            episode: Some(self.summary_of(&play)),
            observation: self.created.observation.clone(),
            limits: self.created.limits,
            steps: if include_steps { play.steps() } else { Vec::new() },
            evaluation: end.map(|End { evaluation, .. }| evaluation.clone()),
            task_json: String::new(),
        }
    }

    fn renew(&self) {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).renew();
    }

    fn lease(&self) -> v1::Lease {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).to_proto()
    }
}
