//! Running the server on a listener until its shutdown signal.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use proto::env::v1::environment_service_server::EnvironmentServiceServer;
use proto::{FILE_DESCRIPTOR_SET, MAX_MESSAGE_BYTES};
use tokio::net::TcpListener;

use super::service::Service;
use crate::episode::Registry;

/// Interval at which expired leases are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// An environment server.
pub struct Server {
    registry: Arc<Registry>,
}

impl Server {
    /// A server over this registry.
    pub fn new(registry: Registry) -> Self {
        Self { registry: Arc::new(registry) }
    }

    /// Serves on `listener` until `shutdown` resolves. Then it takes no new calls, and those under way may end.
    ///
    /// # Errors
    /// The transport's failure.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let service = EnvironmentServiceServer::new(Service::new(self.registry.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let begin_draining = || self.registry.shut_down();
        lifecycle::Server::new(service, FILE_DESCRIPTOR_SET)
            .run(listener, shutdown, begin_draining, sweep(&self.registry))
            .await
    }
}

/// Closes episodes whose leases have run out, until it is dropped.
async fn sweep(registry: &Registry) -> Result<Infallible, lifecycle::Error> {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        registry.sweep();
    }
}
