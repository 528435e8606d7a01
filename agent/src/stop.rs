//! The signal that stops a run: a channel whose value turns true.

use tokio::sync::watch;

/// Waits until the run is to stop. If the sender is gone, nobody can stop the run any more and this never
/// returns.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|&stop| stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
