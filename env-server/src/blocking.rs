//! Work that blocks, beside the threads that drive calls.

use crate::error::Error;

/// Runs work that reads the disk or takes milliseconds, on a thread of its own.
///
/// # Errors
/// The work's; [`Error::Internal`] if it panics.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
}
