//! A server's life, the same for every server: it is handed its listener and its shutdown signal.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_web::GrpcWebLayer;

use crate::access::Access;
use crate::connect::{self, Gateway};
use crate::{accept, authentication, deadline, open_files, stalled};

/// The longest call in JSON, in bytes, unless a service says otherwise.
const LARGEST_REQUEST: usize = 64 << 20;

/// How long calls under way may take to end once a server shuts down.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Interval of HTTP/2 keep-alive pings, and how long an answer to one may take. They detect a client that vanished
/// without closing its connection.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Calls under way on one connection; further ones wait in the client.
const CALLS_PER_CONNECTION: u32 = 1024;

/// The most bytes of a call's headers.
const HEADER_BYTES: u32 = 8 << 10;

/// Calls that a client may have cancelled on one connection before the server has looked at them, and those that the
/// server itself may have cut off. Beyond them the connection is closed, with every call on it: HTTP/2's defence against
/// floods of cancelled calls. A client that gives up many calls at once must not be taken for one.
const CANCELLED_AT_ONCE: usize = 10_000;
const CUT_OFF_AT_ONCE: usize = 4096;

/// Why serving ended early.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A gRPC service, with health and reflection beside it. It is served as gRPC-Web and as JSON over HTTP too, and there may be
/// other HTTP routes on the same port.
pub struct Server {
    routes: Routes,
    /// The service's full name, for health checks.
    name: &'static str,
    /// Encoded `FileDescriptorSet`, for reflection.
    descriptors: &'static [u8],
    http: Option<Box<dyn FnOnce(Router) -> Router + Send>>,
    access: Access,
    largest_request: usize,
}

impl Server {
    /// A server of `service`, whose packages `descriptors` (an encoded `FileDescriptorSet`) describe.
    pub fn new<S>(service: S, descriptors: &'static [u8]) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        Self {
            routes: Routes::new(service),
            name: S::NAME,
            descriptors,
            http: None,
            access: Access::default(),
            largest_request: LARGEST_REQUEST,
        }
    }

    /// Serves HTTP routes too, over HTTP/1 or HTTP/2: `extend` adds them to the router of the gRPC services.
    pub fn with_http(self, extend: impl FnOnce(Router) -> Router + Send + 'static) -> Self {
        Self { http: Some(Box::new(extend)), ..self }
    }

    /// Serves only those who may call it. Without this it is everybody.
    pub fn with_access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// Reads at most this many bytes of a call in JSON. What the service itself decodes has a limit of its own.
    pub fn with_largest_request(self, bytes: usize) -> Self {
        Self { largest_request: bytes, ..self }
    }

    /// Serves on `listener` until `shutdown` resolves. Then `begin_draining` is called, health turns to NOT_SERVING, no
    /// new calls are taken, and those under way have [`DRAIN`] to end. `background` runs beside the calls, and is
    /// dropped with the server.
    ///
    /// # Errors
    /// The transport's failure, or that of `background`.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
        begin_draining: impl FnOnce(),
        background: impl Future<Output = Result<Infallible, Error>>,
    ) -> Result<(), Error> {
        open_files::raise_limit();
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_service_status(self.name, tonic_health::ServingStatus::Serving).await;
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(self.descriptors)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let mut routes = self
            .routes
            .add_service(health_service)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
        // Inside of tonic's own deadline, and a little before it.
        let grpc = std::mem::take(routes.axum_router_mut())
            .layer(middleware::from_fn(deadline::keep))
            .layer(GrpcWebLayer::new());
        let all = match self.http {
            Some(extend) => extend(grpc),
            None => grpc,
        };
        let descriptors = [self.descriptors, tonic_health::pb::FILE_DESCRIPTOR_SET];
        let gateway = Arc::new(Gateway::new(&descriptors, self.largest_request)?);
        // The last one is the first to see a request: the caller is known before anything of a body is read.
        let routes = Routes::from(
            all.layer(middleware::from_fn_with_state(gateway.clone(), connect::translate))
                .layer(middleware::from_fn_with_state(gateway, stalled::give_up))
                .layer(middleware::from_fn_with_state(self.access.tokens(), authentication::identify)),
        );

        let (drain, mut draining) = tokio::sync::watch::channel(false);
        let stop = {
            let mut draining = draining.clone();
            async move {
                let _ = draining.wait_for(|draining| *draining).await;
            }
        };
        let serve = tonic::transport::Server::builder()
            .accept_http1(true)
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE))
            .http2_max_header_list_size(HEADER_BYTES)
            .http2_max_pending_accept_reset_streams(Some(CANCELLED_AT_ONCE))
            .http2_max_local_error_reset_streams(Some(CUT_OFF_AT_ONCE))
            .max_concurrent_streams(CALLS_PER_CONNECTION)
            .add_routes(routes)
            .serve_with_incoming_shutdown(
                accept::connections(listener, self.access.tls(), self.access.max_connections()),
                stop,
            );
        let start_draining = async {
            shutdown.await;
            tracing::info!("shutting down");
            begin_draining();
            for name in [self.name, ""] {
                health.set_service_status(name, tonic_health::ServingStatus::NotServing).await; // "": the whole server
            }
            let _ = drain.send(true);
            std::future::pending::<()>().await
        };
        let keep_current = async {
            self.access.keep_current().await;
            std::future::pending::<()>().await
        };
        // A stream that never ends (health's Watch) must not keep the server.
        let give_up = async {
            let _ = draining.wait_for(|draining| *draining).await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            served = serve => served.map_err(Into::into),
            failed = background => match failed {
                Err(error) => Err(error),
            },
            () = keep_current => unreachable!("files are watched until the server ends"),
            () = start_draining => unreachable!("draining is ended by the server or by the drain limit"),
            () = give_up => {
                tracing::warn!("calls still under way after {DRAIN:?} were cut off");
                Ok(())
            }
        }
    }
}

/// Runs a server's future on a runtime of its own. What is still running in the end, such as a step that was cut off,
/// is abandoned: the program does not wait for it.
///
/// # Errors
/// If the runtime can't be started, or the future's.
pub fn run_to_end<T, E: From<std::io::Error>>(server: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(server);
    runtime.shutdown_background();
    ended
}
