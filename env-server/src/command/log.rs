//! The log, on standard error.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// The log's format.
#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log, with what `RUNTIME_GYM_LOG` asks for.
pub fn init(format: Format) {
    let filter = EnvFilter::try_from_env("RUNTIME_GYM_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // Spans are timed, and logged when they close, where the filter asks for them.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        Format::Text => builder.init(),
        Format::Json => builder.json().init(),
    }
}
