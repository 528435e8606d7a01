//! A server's life: it is handed its listener and its shutdown signal.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::DRAIN;
use proto::FILE_DESCRIPTOR_SET;
use proto::client::MAX_MESSAGE_BYTES;
use proto::inference::v1::inference_service_server::InferenceServiceServer;
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;

use super::grpc::Service;
use super::{Serving, http};

/// How often a client is asked whether it is there, and how long its answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// An inference server: gRPC over HTTP/2, and OpenAI's protocol over HTTP/1 or 2, on one port.
pub struct Server {
    serving: Arc<Serving>,
}

impl Server {
    /// A server of this engine.
    pub fn new(serving: Serving) -> Self {
        Self { serving: Arc::new(serving) }
    }

    /// Serves on `listener` until `shutdown` resolves; then takes no new calls and lets those under way end.
    ///
    /// # Errors
    /// The transport's failure, or the engine's.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<InferenceServiceServer<Service>>().await;
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let service = InferenceServiceServer::new(Service::new(self.serving.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let mut routes = Routes::new(service)
            .add_service(health_service)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
        let grpc = std::mem::take(routes.axum_router_mut());
        let routes = Routes::from(http::extend(grpc, self.serving.clone()));

        let (drain, mut draining) = tokio::sync::watch::channel(false);
        let stop = {
            let mut draining = draining.clone();
            async move {
                let _ = draining.wait_for(|draining| *draining).await;
            }
        };
        let serve = tonic::transport::Server::builder()
            .accept_http1(true)
            // A client that vanished without a word must not hold its place until the end.
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE))
            .add_routes(routes)
            .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), stop);
        let begin_draining = async {
            shutdown.await;
            tracing::info!("shutting down");
            health.set_not_serving::<InferenceServiceServer<Service>>().await;
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
            () = begin_draining => unreachable!("draining is ended by the server or by the drain limit"),
            () = give_up => {
                tracing::warn!("calls still under way after {DRAIN:?} were cut off");
                Ok(())
            }
            () = self.serving.engine.ended() => Err("the engine has failed; its last words are above".into()),
        }
    }
}
