//! Files that are read again when they change, or when the program is told to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Files that are watched.
#[derive(Debug)]
pub struct Watch {
    files: Vec<PathBuf>,
    known: Vec<Mark>,
}

impl Watch {
    /// Watches `files`, which must be read afterwards: no change between reading and following is missed.
    pub fn new(files: Vec<PathBuf>) -> Self {
        Self { known: marks(&files), files }
    }

    /// Calls `reload` whenever one of the files has changed, and at every SIGHUP, until it is dropped. An error is logged.
    pub async fn follow(&self, what: &str, reload: impl Fn() -> Result<(), String>) {
        let mut hangups = Hangups::listen();
        let mut known = self.known.clone();
        loop {
            let told = tokio::select! {
                () = hangups.next() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let now = marks(&self.files);
            if now == known && !told {
                continue;
            }
            known = now;
            match reload() {
                Ok(()) => tracing::info!("{what} were read again"),
                Err(problem) => tracing::error!("{what} stay as they were: {problem}"),
            }
        }
    }
}

/// What tells that a file has changed; `None` if there is none.
type Mark = Option<(SystemTime, u64)>;

fn marks(files: &[PathBuf]) -> Vec<Mark> {
    let mark = |file: &Path| {
        let metadata = fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().map(|file| mark(file)).collect()
}

/// The signals SIGHUP.
#[cfg(unix)]
struct Hangups(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Hangups {
    fn listen() -> Self {
        let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
        Self(signal.inspect_err(|error| tracing::warn!("SIGHUP will reload nothing: {error}")).ok())
    }

    async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}
