//! Connections are served: by HTTP/2, or by HTTP/1.1, which may become another protocol, as WebSockets do.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio_stream::{Stream, StreamExt as _};

use crate::connection::Connection;

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

/// Serves `routes` on `connections` until `stop` resolves; then no more connections are taken, and those that are open end with
/// the calls on them. What a connection has become is not waited for.
pub async fn until(
    stop: impl Future<Output = ()>,
    connections: impl Stream<Item = Connection>,
    routes: Router,
) {
    let builder = builder();
    let open = GracefulShutdown::new();
    let service = TowerToHyperService::new(routes);
    let serve = async {
        let mut connections = pin!(connections);
        while let Some(connection) = connections.next().await {
            let served = builder
                .serve_connection_with_upgrades(TokioIo::new(connection), service.clone())
                .into_owned();
            let served = open.watch(served);
            tokio::spawn(async move {
                if let Err(error) = served.await {
                    tracing::debug!("a connection has failed: {error}");
                }
            });
        }
    };
    tokio::select! {
        () = stop => {}
        () = serve => {}
    }
    open.shutdown().await;
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // With a timer, hyper gives a request's head 30 s.
    builder.http1().timer(TokioTimer::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .max_header_list_size(HEADER_BYTES)
        .max_pending_accept_reset_streams(CANCELLED_AT_ONCE)
        .max_local_error_reset_streams(CUT_OFF_AT_ONCE)
        .max_concurrent_streams(CALLS_PER_CONNECTION);
    builder
}
