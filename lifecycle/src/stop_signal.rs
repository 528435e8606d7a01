//! The signal to stop.

use std::io::{self, Read as _};

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
