//! A server's life: it is handed its listener and its shutdown signal.

use std::{future::Future, sync::Arc, time::Duration};

use lifecycle::DRAIN;
use proto::{
    FILE_DESCRIPTOR_SET, client::MAX_MESSAGE_BYTES,
    env::v1::environment_service_server::EnvironmentServiceServer,
};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;

use super::service::Service;
use crate::episode::Registry;

/// How often leases are looked at.
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

    /// Serves on `listener` until `shutdown` resolves; then takes no new
    /// calls and lets those under way end.
    ///
    /// # Errors
    /// The transport's failure.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<EnvironmentServiceServer<Service>>().await;
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let service = EnvironmentServiceServer::new(Service::new(self.registry.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let (drain, mut draining) = tokio::sync::watch::channel(false);
        let stop = {
            let mut draining = draining.clone();
            async move {
                let _ = draining.wait_for(|draining| *draining).await;
            }
        };
        let serve = tonic::transport::Server::builder()
            .add_service(health_service)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?)
            .add_service(service)
            .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), stop);

        let sweep = async {
            let mut ticks = tokio::time::interval(SWEEP_EVERY);
            loop {
                ticks.tick().await;
                self.registry.sweep();
            }
        };
        let begin_draining = async {
            shutdown.await;
            tracing::info!("shutting down");
            self.registry.shut_down();
            health.set_not_serving::<EnvironmentServiceServer<Service>>().await;
            health.set_service_status("", tonic_health::ServingStatus::NotServing).await; // the server as a whole
            let _ = drain.send(true);
            std::future::pending::<()>().await
        };
        // A stream that never ends (health's Watch) must not keep the server.
        let give_up = async {
            let _ = draining.wait_for(|draining| *draining).await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            served = serve => served.map_err(Into::into),
            () = sweep => unreachable!("sweeping never ends"),
            () = begin_draining => unreachable!("draining is ended by the server or by the drain limit"),
            () = give_up => {
                tracing::warn!("calls still under way after {DRAIN:?} were cut off");
                Ok(())
            }
        }
    }
}
