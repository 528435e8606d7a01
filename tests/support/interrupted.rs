//! Programs that a signal ends.

use std::process::ExitCode;

use lifecycle::interrupt::{EXIT_CODE, Interrupt};
use tokio::signal::unix::SignalKind;

/// Does work until it ends, or a signal comes. Servers that it has started are in process groups of their own, and end when it is
/// dropped.
///
/// # Errors
/// The program's exit status, if a signal came or signals can't be listened to; that was printed.
#[allow(clippy::print_stderr)] // it is a program's
pub async fn until_interrupted<T>(work: impl Future<Output = T>) -> Result<T, ExitCode> {
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let mut interrupt = Interrupt::listen(&signals, |_| {}).map_err(|error| {
        eprintln!("error: listening to signals: {error}");
        ExitCode::from(2)
    })?;
    tokio::select! {
        outcome = work => Ok(outcome),
        () = interrupt.first() => Err(ExitCode::from(EXIT_CODE)),
    }
}
