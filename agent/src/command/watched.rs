//! What a command that plays has around it: spans that are sent, and signals that stop it.

use lifecycle::interrupt::EXIT_CODE;
use lifecycle::{Interrupt, telemetry};
use tokio::signal::unix::SignalKind;
use tokio::sync::watch;

/// What sends the episodes' spans until it is dropped.
pub fn spans() -> Result<telemetry::Spans, String> {
    telemetry::Program::client("agent", env!("CARGO_PKG_VERSION")).send_spans()
}

/// What turns true at the first signal that stops the program; the second ends it. `what` is done meanwhile.
pub fn stopped(what: &'static str) -> std::io::Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    Interrupt::listen(&[SignalKind::interrupt(), SignalKind::terminate()], move |number| {
        if number > 1 {
            std::process::exit(EXIT_CODE.into());
        }
        eprintln!("stopping: {what} (Ctrl-C again to end at once)");
        stop.send_replace(true);
    })?;
    Ok(stopped)
}
