//! Connections: accepted, and encrypted if the server has TLS.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected as _;

use crate::connection::Connection;
use crate::seldom::Seldom;
use crate::tls::Tls;

/// How long a TLS handshake may take: a client that says nothing keeps no place.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long a client may take nothing of what was sent to it, before its connection is closed.
const UNREAD_LIMIT: Duration = Duration::from_secs(30);
/// Accepted connections that wait to be served.
const WAITING: usize = 64;
/// The wait after a connection could not be accepted, as for want of file descriptors.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The connections that come in on `listener`, until the stream is dropped. At most `most` are open at a time; further ones are
/// closed at once.
pub fn connections(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    most: usize,
) -> ReceiverStream<Result<Connection, io::Error>> {
    let (accepted, connections) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        tokio::select! {
            () = accepted.closed() => {}
            () = accept(listener, tls, most, &accepted) => {}
        }
    });
    ReceiverStream::new(connections)
}

async fn accept(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    most: usize,
    accepted: &mpsc::Sender<Result<Connection, io::Error>>,
) {
    let places = Arc::new(Semaphore::new(most));
    let (mut failures, mut refusals) = (Seldom::default(), Seldom::default());
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                failures.warn(format_args!("a connection cannot be accepted: {error}"));
                sleep(AFTER_FAILURE).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            refusals.warn(format_args!("a connection was closed: {most} are open (--max-connections)"));
            continue;
        };
        if let Err(error) = set_options(&stream) {
            tracing::debug!("a connection was closed: {error}");
            continue;
        }
        let from = stream.connect_info();
        let Some(tls) = &tls else {
            if accepted.send(Ok(Connection::new(stream, from, place))).await.is_err() {
                return;
            }
            continue;
        };
        let (acceptor, accepted) = (tls.acceptor(), accepted.clone());
        tokio::spawn(async move {
            match timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    // Fails if the server is ending.
                    let _ = accepted.send(Ok(Connection::new(stream, from, place))).await;
                }
                Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
        });
    }
}

fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(UNREAD_LIMIT))?;
    Ok(())
}
