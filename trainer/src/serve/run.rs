//! The inference server.

use std::future::Future;
use std::sync::Arc;

use lifecycle::Listener;
use proto::MAX_MESSAGE_BYTES;
use proto::inference;
use proto::inference::v1::inference_service_server::InferenceServiceServer;

use super::grpc::Service;
use super::{Serving, http};

/// An inference server: gRPC over HTTP/2, and OpenAI's protocol over HTTP/1 or 2, on one port.
pub struct Server {
    serving: Arc<Serving>,
    http: http::Options,
}

impl Server {
    /// A server of an engine.
    pub fn new(serving: Serving, http: http::Options) -> Self {
        Self { serving: Arc::new(serving), http }
    }

    /// Serves on `listener` until `shutdown` resolves; then refuses new calls and lets those under way end,
    /// for at most [`lifecycle::DRAIN`].
    ///
    /// # Errors
    /// If the transport or the engine fails.
    pub async fn run(
        self,
        listener: Listener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), lifecycle::Error> {
        let service = InferenceServiceServer::new(Service::new(self.serving.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let engine = async {
            self.serving.engine.ended().await;
            Err("the engine has failed; its last message is above".into())
        };
        let (serving, options) = (self.serving.clone(), self.http);
        lifecycle::Server::new(service, inference::FILE_DESCRIPTOR_SET)
            .with_http(move |grpc| http::extend(grpc, serving, &options))
            .run(listener, shutdown, async {}, engine)
            .await
    }
}
