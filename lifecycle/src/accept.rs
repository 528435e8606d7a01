//! Connections: accepted, and encrypted if the server has TLS.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;

use crate::connection::Connection;
use crate::listener::Listener;
use crate::seldom::Seldom;
use crate::tls::Tls;
use crate::traffic::Traffic;

/// How long a TLS handshake may take: a client that says nothing keeps no place.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Accepted connections that wait to be served.
const WAITING: usize = 64;
/// The wait after a connection could not be accepted, as for want of file descriptors.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The connections that come in on `listener`, until the stream is dropped. Where `traffic` has no place left, they are closed
/// at once.
pub fn connections(
    listener: Listener,
    tls: Option<Arc<Tls>>,
    traffic: Arc<Traffic>,
) -> ReceiverStream<Connection> {
    let (accepted, connections) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        tokio::select! {
            () = accepted.closed() => {}
            () = accept(listener, tls, &traffic, &accepted) => {}
        }
    });
    ReceiverStream::new(connections)
}

async fn accept(
    listener: Listener,
    tls: Option<Arc<Tls>>,
    traffic: &Arc<Traffic>,
    accepted: &mpsc::Sender<Connection>,
) {
    let (mut failures, mut refusals) = (Seldom::default(), Seldom::default());
    loop {
        let incoming = match listener.accept().await {
            Ok(incoming) => incoming,
            Err(error) => {
                failures.warn(format_args!("a connection cannot be accepted: {error}"));
                sleep(AFTER_FAILURE).await;
                continue;
            }
        };
        let Some(place) = traffic.place() else {
            let most = traffic.most();
            refusals.warn(format_args!("a connection was closed: {most} are open (--max-connections)"));
            continue;
        };
        let stream = match incoming.prepared() {
            Ok(prepared) => prepared,
            Err(error) => {
                tracing::debug!("a connection was closed: {error}");
                continue;
            }
        };
        let Some(tls) = &tls else {
            if accepted.send(Connection::new(stream, place)).await.is_err() {
                return;
            }
            continue;
        };
        let (acceptor, accepted, traffic) = (tls.acceptor(), accepted.clone(), traffic.clone());
        tokio::spawn(async move {
            match timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    // Fails if the server is ending.
                    let _ = accepted.send(Connection::new(Box::new(stream), place)).await;
                }
                Ok(Err(error)) => {
                    traffic.failed_handshakes.add();
                    tracing::debug!("a TLS handshake failed: {error}");
                }
                Err(_) => {
                    traffic.failed_handshakes.add();
                    tracing::debug!("a TLS handshake took too long");
                }
            }
        });
    }
}
