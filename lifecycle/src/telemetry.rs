//! The log, on standard error, and spans, which are sent to a collector.
//!
//! | module     | what it holds                               |
//! |------------|---------------------------------------------|
//! | [`names`]  | the names of spans and attributes           |
//! | `span`     | one span: [`Span`], [`SpanKind`]            |
//! | `settings` | what OpenTelemetry's standard variables say |
//! | `export`   | the sending: [`Program`], [`Spans`]         |
//!
//! The two know nothing of each other: the log's filter decides nothing about spans that are sent.

mod export;
pub mod names;
mod settings;
pub(crate) mod span;

use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

pub use export::{Program, Spans};
pub use span::{Span, SpanKind};

/// The environment variable that filters the log, such as `info` (the default) or `env_server=debug`.
pub const FILTER: &str = "RUNTIME_GYM_LOG";
/// What is logged without it. The library of the Model Context Protocol tells of every session.
const USUAL: &str = "info,rmcp=error";

/// The log's format.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log, filtered by [`FILTER`].
///
/// # Panics
/// If it has been started before.
pub fn init(format: Format) {
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(USUAL));
    // Spans are timed, and logged when they close, where the filter asks for them.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        Format::Text => builder.init(),
        Format::Json => builder.json().init(),
    }
}
