//! Calls of the service in this process, for one caller.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lifecycle::{Caller, Deadline};
use proto::env::v1;
use proto::env::v1::environment_service_server::EnvironmentService as _;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};

use crate::catalog::Catalog;
use crate::episode::Registry;
use crate::server::Service;

/// The service in this process. Clones are cheap.
#[derive(Clone)]
pub struct Calls {
    service: Service,
    registry: Arc<Registry>,
    ending: CancellationToken,
}

/// Calls of one caller. Clones are cheap.
#[derive(Clone)]
pub struct Client {
    calls: Calls,
    caller: Caller,
}

impl Calls {
    /// Calls of this service, until `ending` is cancelled.
    pub fn new(service: Service, registry: Arc<Registry>, ending: CancellationToken) -> Self {
        Self { service, registry, ending }
    }

    /// The tasks.
    pub fn catalog(&self) -> &Catalog {
        self.registry.catalog()
    }

    /// How long an episode lives untouched, unless its request says otherwise.
    pub fn default_lease(&self) -> Duration {
        self.registry.options().default_lease
    }

    /// The calls of this caller.
    pub fn of(&self, caller: Caller) -> Client {
        Client { calls: self.clone(), caller }
    }
}

impl Client {
    /// The tasks.
    pub fn catalog(&self) -> &Catalog {
        self.calls.catalog()
    }

    /// Whether the server is about to end: episodes are then left to it.
    pub fn is_ending(&self) -> bool {
        self.calls.ending.is_cancelled()
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(self.caller.clone());
        request
    }

    /// Creates an episode.
    pub async fn create(
        &self,
        request: v1::CreateEpisodeRequest,
    ) -> Result<v1::CreateEpisodeResponse, Status> {
        Ok(self.calls.service.create_episode(self.request(request)).await?.into_inner())
    }

    /// Where an episode stands.
    pub async fn summary(&self, episode_id: String) -> Result<v1::EpisodeSummary, Status> {
        let request = v1::GetEpisodeRequest { episode_id, ..v1::GetEpisodeRequest::default() };
        let described = self.calls.service.get_episode(self.request(request)).await?.into_inner();
        Ok(described.episode.unwrap_or_default())
    }

    /// Takes a step, unless `deadline` stops it.
    pub async fn step(
        &self,
        request: v1::StepRequest,
        deadline: Option<Instant>,
    ) -> Result<v1::StepResponse, Status> {
        let mut request = self.request(request);
        if let Some(deadline) = deadline {
            request.extensions_mut().insert(Deadline(deadline));
        }
        Ok(self.calls.service.step(request).await?.into_inner())
    }

    /// Renews an episode's lease, if it is open.
    pub async fn keep_alive(&self, episode_id: String) -> Result<(), Status> {
        let request = v1::KeepAliveRequest { episode_ids: vec![episode_id] };
        self.calls.service.keep_alive(self.request(request)).await.map(drop)
    }

    /// Closes an episode.
    pub async fn close(&self, episode_id: String) -> Result<v1::CloseEpisodeResponse, Status> {
        Ok(self
            .calls
            .service
            .close_episode(self.request(v1::CloseEpisodeRequest { episode_id }))
            .await?
            .into_inner())
    }
}
