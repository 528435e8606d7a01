//! A server's life, the same for every server: it is handed its listener and its shutdown signal.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::Request as HttpRequest;
use axum::{Router, middleware};
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::service::Routes;

use crate::access::Access;
use crate::authentication::{self, Guard};
use crate::drain::{self, Drain};
use crate::listener::Listener;
use crate::metrics_page::{self, Metrics};
use crate::protocols::Protocols;
use crate::traffic::Traffic;
use crate::{accept, open_files, probes, serve, traced};

/// The longest call in JSON, in bytes, unless a service says otherwise.
const LARGEST_REQUEST: usize = 64 << 20;

/// How long a server takes at most to shut down; calls that are still under way then are cut off.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Why serving ended early.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Takes part in how requests are read.
type WrapRequest = dyn Fn(HttpRequest) -> HttpRequest + Send + Sync;

/// Makes the metrics of a server from what it counts itself.
type MakeMetrics = dyn FnOnce(Arc<Traffic>) -> Arc<dyn Metrics> + Send;

/// A gRPC service, with health and reflection beside it. It is served as gRPC-Web and as JSON over HTTP too, and there may be
/// other HTTP routes on the same port.
pub struct Server {
    routes: Routes,
    /// The service's full name, for health checks.
    name: &'static str,
    /// Encoded `FileDescriptorSet`, for reflection.
    descriptors: &'static [u8],
    http: Option<Box<dyn FnOnce(Router) -> Router + Send>>,
    metrics: Option<Box<MakeMetrics>>,
    wrap_request: Arc<WrapRequest>,
    refusal: fn() -> Status,
    access: Access,
    open: fn(&str) -> bool,
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
            metrics: None,
            wrap_request: Arc::new(|request| request),
            refusal: || Status::unavailable("the server is shutting down"),
            access: Access::default(),
            open: |_| false,
            largest_request: LARGEST_REQUEST,
        }
    }

    /// Serves HTTP routes too, over HTTP/1 or HTTP/2: `extend` adds them to the router of the gRPC services.
    pub fn with_http(self, extend: impl FnOnce(Router) -> Router + Send + 'static) -> Self {
        Self { http: Some(Box::new(extend)), ..self }
    }

    /// Shows metrics at `/metrics`; if the server has tokens, to operators only. `make` is given what the server itself counts.
    pub fn with_metrics<M: Metrics>(self, make: impl FnOnce(Arc<Traffic>) -> M + Send + 'static) -> Self {
        Self { metrics: Some(Box::new(|traffic| Arc::new(make(traffic)))), ..self }
    }

    /// Passes every request, in whichever protocol, through `wrap`, before anything of its body is read.
    pub fn with_requests<B>(self, wrap: impl Fn(HttpRequest) -> Request<B> + Send + Sync + 'static) -> Self
    where
        B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
    {
        Self { wrap_request: Arc::new(move |request| wrap(request).map(axum::body::Body::new)), ..self }
    }

    /// Refuses calls with this status once it shuts down. Without this it is UNAVAILABLE without details.
    pub fn with_refusal(self, refusal: fn() -> Status) -> Self {
        Self { refusal, ..self }
    }

    /// Serves only those who may call it. Without this it is everybody.
    pub fn with_access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// Answers requests of these paths without a token, too. Their caller is an agent of the tenant of servers without tokens.
    pub fn with_open_paths(self, open: fn(&str) -> bool) -> Self {
        Self { open, ..self }
    }

    /// Reads at most this many bytes of a call in JSON. What the service itself decodes has a limit of its own.
    pub fn with_largest_request(self, bytes: usize) -> Self {
        Self { largest_request: bytes, ..self }
    }

    /// Serves on `listener` until `shutdown` resolves. Then health turns to NOT_SERVING and `/readyz` to 503, and `wind_down`
    /// is awaited: until then calls are taken. After it they are refused, and those under way may end; connections are
    /// accepted meanwhile, so that probes are answered. All of that has [`DRAIN`]. `background` runs beside the calls, and is
    /// dropped with the server.
    ///
    /// # Errors
    /// That of `background`, or of descriptors that can't be decoded.
    pub async fn run(
        self,
        listener: Listener,
        shutdown: impl Future<Output = ()>,
        wind_down: impl Future<Output = ()>,
        background: impl Future<Output = Result<Infallible, Error>>,
    ) -> Result<(), Error> {
        open_files::raise_limit();
        // The file of a Unix socket stays until the calls under way have ended.
        let _place = listener.place().clone();
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
        let descriptors = [self.descriptors, tonic_health::pb::FILE_DESCRIPTOR_SET];
        let protocols = Protocols::new(self.name, &descriptors, self.largest_request)?;
        let grpc = protocols.grpc(std::mem::take(routes.axum_router_mut()));
        let mut all = match self.http {
            Some(extend) => extend(grpc).layer(middleware::from_fn(traced::http)),
            None => grpc,
        };
        let traffic = Arc::new(Traffic::new(self.access.max_connections()));
        let guard = Guard { tokens: self.access.tokens(), traffic: traffic.clone(), open: self.open };
        if let Some(make) = self.metrics {
            all = metrics_page::add(all, make(traffic.clone()), guard.tokens.is_some());
        }
        let drain = Arc::new(Drain::new(self.refusal));
        all = probes::add(all, {
            let drain = drain.clone();
            move || !drain.is_announced()
        });
        // The last one is the first to see a request: the caller is known before anything of a body is read.
        let routes = protocols
            .with_json(all)
            .layer(middleware::map_request(move |request| ready((self.wrap_request)(request))))
            .layer(middleware::from_fn_with_state(drain.clone(), drain::admit))
            .layer(middleware::from_fn_with_state(Arc::new(guard), authentication::identify));

        // Set when no more calls are taken: until when those under way may end.
        let (begin, mut begun) = tokio::sync::watch::channel(None);
        // Connections are closed when the calls under way have ended.
        let stop = {
            let mut begun = begun.clone();
            let drain = drain.clone();
            async move {
                let _ = begun.wait_for(Option::is_some).await;
                drain.idle().await;
            }
        };
        let connections = accept::connections(listener, self.access.tls(), traffic);
        let serve = serve::until(stop, connections, routes);
        let start_draining = async {
            shutdown.await;
            tracing::info!("shutting down");
            let end = Instant::now() + DRAIN;
            drain.announce();
            for name in [self.name, ""] {
                health.set_service_status(name, tonic_health::ServingStatus::NotServing).await; // "": the whole server
            }
            let _ = timeout_at(end, wind_down).await;
            drain.begin();
            let _ = begin.send(Some(end));
            std::future::pending::<()>().await
        };
        let keep_current = async {
            self.access.keep_current().await;
            std::future::pending::<()>().await
        };
        // A stream that never ends (health's Watch) must not keep the server.
        let give_up = async {
            let end = begun.wait_for(Option::is_some).await.ok().and_then(|end| *end);
            sleep_until(end.unwrap_or_else(Instant::now)).await;
        };
        tokio::select! {
            () = serve => Ok(()),
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
