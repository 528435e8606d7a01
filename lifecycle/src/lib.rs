//! How our servers begin and end, the same for all: the address, the line that says where, the signal to stop; and
//! how a program of ours has one as its [child].

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

pub mod child;

/// What a server's first line of output begins with; the URL comes after it.
const GREETING: &str = "listening on ";

/// How long calls under way may take to end once a server shuts down.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Binds the address that a server is to listen on; `kind` is what may be there already, such as `env-server`.
///
/// # Errors
/// A sentence that says what to do, e.g. for a port that is taken.
pub async fn bind(address: SocketAddr, kind: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "cannot listen on {address}: the address is in use, perhaps by another {kind}; \
             choose another with --listen (port 0 takes any free one)"
        ),
        _ => format!("cannot listen on {address}: {error}"),
    })
}

/// Prints `listening on http://ADDRESS`, for people and parent processes; returns the address.
///
/// # Errors
/// If the address can't be read or standard output can't be written.
pub fn announce(listener: &TcpListener) -> io::Result<SocketAddr> {
    let address = listener.local_addr()?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{GREETING}http://{address}")?;
    stdout.flush()?;
    Ok(address)
}

/// Resolves at SIGTERM, Ctrl-C, or the end of standard input if asked for.
pub async fn shutdown(until_stdin_closes: bool) {
    let stdin_closed = async {
        if !until_stdin_closes {
            std::future::pending::<()>().await;
        }
        // A blocking read may outlive the runtime, so it has its own thread.
        let (closed, wait) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 256];
            while matches!(io::stdin().read(&mut buffer), Ok(1..)) {}
            let _ = closed.send(());
        });
        let _ = wait.await;
    };
    tokio::select! {
        () = stdin_closed => {}
        _ = tokio::signal::ctrl_c() => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(error) => {
            tracing::warn!("SIGTERM will not be graceful: {error}");
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
