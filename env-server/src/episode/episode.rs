//! One episode: who it is, and one step at a time.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use proto::env::v1;
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use super::{
    error::Error,
    lease::Lease,
    play::{Closed, End, Play, Stepped},
};

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
}

impl Episode {
    /// An episode that has not begun; `created` is its first answer.
    pub fn new(created: v1::CreateEpisodeResponse, request: [u8; 32], lease: Duration, play: Play) -> Self {
        Self {
            created,
            created_at: std::time::SystemTime::now(),
            request,
            lease: Mutex::new(Lease::new(lease)),
            play: Arc::new(AsyncMutex::new(play)),
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
            answer
        };
        tokio::task::spawn_blocking(step)
            .await
            .unwrap_or_else(|panic| Err(Error::Internal(format!("a step did not come to its end: {panic}"))))
    }

    /// Ends it, if it has not ended, and frees what it holds.
    pub async fn close(&self, reason: v1::EndReason) -> Closed {
        self.play.lock().await.close(reason)
    }

    /// Closes it if nobody has touched it for its lease, or for a while after
    /// it ended, and no step is running. Says whether it did.
    pub fn close_if_expired(&self, now: Instant) -> bool {
        let Ok(mut play) = self.play.try_lock() else { return false };
        let lease = *self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        let expired = lease.expired(now) || (play.end().is_some() && lease.untouched(now) > ENDED_RETENTION);
        expired && play.close(v1::EndReason::LeaseExpired).newly
    }

    /// Where it stands.
    pub async fn describe(&self, include_steps: bool) -> v1::GetEpisodeResponse {
        self.renew();
        let play = self.play.lock().await;
        let end = play.end();
        let summary = v1::EpisodeSummary {
            episode_id: self.id().to_owned(),
            task: self.created.task.clone(),
            interpreter_state: self.created.interpreter_state,
            seed: self.created.seed,
            next_step_index: play.next_step_index(),
            ended: end.is_some(),
            end_reason: end.map_or(v1::EndReason::Unspecified, |end| end.reason).into(),
            created_at: Some(self.created_at.into()),
            lease: Some(self.lease()),
            forked_from: String::new(),
            state_loss: self.created.state_loss,
        };
        v1::GetEpisodeResponse {
            episode: Some(summary),
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
