//! An episode that is played for a client. It is closed when the client is done with it, or gone.

use std::time::{Duration, Instant};

use proto::env::v1;
use proto::env::v1::step_request::Action;
use tonic::Status;

use super::client::Client;

/// An open episode. Dropped, it is closed, unless the server ends.
pub struct Player {
    client: Client,
    id: String,
    lease: Duration,
    next: u64,
    ended: bool,
    closed: bool,
}

impl Player {
    /// Creates an episode, or goes on with the one that the same request created.
    ///
    /// # Errors
    /// The service's.
    pub async fn create(
        client: Client,
        request: v1::CreateEpisodeRequest,
    ) -> Result<(Self, v1::CreateEpisodeResponse), Status> {
        let create = async move {
            let may_exist = !request.episode_id.is_empty();
            let created = client.create(request).await?;
            let id = created.episode_id.clone();
            let lease = created.lease.as_ref().and_then(|lease| lease.duration?.try_into().ok());
            let lease = lease.unwrap_or_default();
            let mut player = Self { client, id, lease, next: 0, ended: false, closed: false };
            if may_exist {
                let summary = player.client.summary(player.id.clone()).await?;
                (player.next, player.ended) = (summary.next_step_index, summary.ended);
            }
            Ok((player, created))
        };
        // A client that goes meanwhile leaves no episode: that is dropped with the task's result.
        tokio::spawn(create).await.map_err(|error| Status::internal(error.to_string()))?
    }

    /// The episode's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How long it lives untouched.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// The steps that were taken.
    pub fn steps(&self) -> u64 {
        self.next
    }

    /// Whether a step has ended it.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes the next step, unless `deadline` stops it.
    ///
    /// # Errors
    /// The service's: no step was taken.
    pub async fn step(
        &mut self,
        action: Action,
        deadline: Option<Instant>,
    ) -> Result<v1::StepResponse, Status> {
        let request =
            v1::StepRequest { episode_id: self.id.clone(), step_index: self.next, action: Some(action) };
        let stepped = self.client.step(request, deadline).await?;
        self.next += 1;
        self.ended = stepped.terminated || stepped.truncated;
        Ok(stepped)
    }

    /// Renews its lease.
    pub async fn keep_alive(&self) {
        // An episode that has gone is told by the next step.
        let _ = self.client.keep_alive(self.id.clone()).await;
    }

    /// Closes it.
    ///
    /// # Errors
    /// The service's.
    pub async fn close(mut self) -> Result<v1::CloseEpisodeResponse, Status> {
        let closed = self.client.close(self.id.clone()).await;
        self.closed = true;
        closed
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        if self.closed || self.client.is_ending() {
            return;
        }
        let (client, id) = (self.client.clone(), std::mem::take(&mut self.id));
        // Without a runtime the server has ended.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = client.close(id.clone()).await {
                    tracing::debug!(episode_id = id, %error, "an abandoned episode could not be closed");
                }
            });
        }
    }
}
