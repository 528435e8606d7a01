//! An environment server of the run's own, beside the agent.
//!
//! The server ends when its standard input does, so it cannot outlive the agent,
//! however the agent ends.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdin, Command},
};

/// The server's executable.
const PROGRAM: &str = "env-server";

/// What the server's first line of output begins with.
const GREETING: &str = "listening on ";

/// Compiling the interpreter, the first time, takes a while on a slow machine.
const START_LIMIT: Duration = Duration::from_secs(300);

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Closing it ends the server; waiting for a child would close it if it were the child's.
    stdin: Option<ChildStdin>,
    url: String,
    log: PathBuf,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The executable can't be run.
    #[error(
        "can't start {}: {source} (build it with `cargo build --release -p env-server`, or name a running \
         server with --env)",
        program.display()
    )]
    Start {
        /// Which executable.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The log can't be written.
    #[error("can't write the environment server's log {}: {source}", path.display())]
    Log {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It ended, or said something else than where it listens.
    #[error("the environment server did not start: {problem}; the end of {}:\n{tail}", log.display())]
    NotReady {
        /// What happened.
        problem: String,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// It ended while it was needed.
    #[error(
        "the environment server ended ({status}); the same command goes on from here; the end of {}:\n{tail}",
        log.display()
    )]
    Ended {
        /// How, in the operating system's words.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
}

impl Server {
    /// Starts a server for the tasks in `tasks`; its messages go to `log`.
    ///
    /// # Errors
    /// [`Error`] if it can't be started or does not come to listen.
    pub async fn start(tasks: &Path, log: &Path) -> Result<Self, Error> {
        let program = program();
        let log_error = |source| Error::Log { path: log.to_owned(), source };
        let stderr = fs::File::create(log).map_err(log_error)?;
        let mut command = Command::new(&program);
        command
            .arg("serve")
            .arg("--tasks")
            .arg(tasks)
            .args(["--listen", "127.0.0.1:0", "--until-stdin-closes"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true);
        // A Ctrl-C at the terminal is the agent's to handle: it still needs the server to close episodes.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|source| Error::Start { program, source })?;
        let not_ready = |problem: String| Error::NotReady { problem, log: log.to_owned(), tail: tail(log) };
        let stdout = child.stdout.take().ok_or_else(|| not_ready("it has no output".to_owned()))?;
        let mut lines = BufReader::new(stdout).lines();
        let line = match tokio::time::timeout(START_LIMIT, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) => return Err(not_ready("it ended at once".to_owned())),
            Ok(Err(error)) => return Err(not_ready(error.to_string())),
            Err(_) => return Err(not_ready(format!("it said nothing for {} s", START_LIMIT.as_secs()))),
        };
        let url = line
            .strip_prefix(GREETING)
            .ok_or_else(|| not_ready(format!("its first line was `{line}`")))?
            .trim()
            .to_owned();
        // Read on, so that a server which prints more is never blocked by a full pipe; ends with the server.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, url, log: log.to_owned() })
    }

    /// Where it listens, as a URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it ends by itself, which it should not.
    pub async fn ended(&mut self) -> Error {
        let status =
            self.child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
        Error::Ended { status, log: self.log.clone(), tail: tail(&self.log) }
    }

    /// Closes its input and waits until it has ended.
    pub async fn stop(mut self) {
        drop(self.stdin.take());
        if tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await.is_err() {
            // Already reported as far as anyone can: it is killed when dropped, too.
            let _ = self.child.kill().await;
        }
    }
}

/// The executable beside this one, or else whatever the PATH has.
fn program() -> PathBuf {
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    std::env::current_exe()
        .ok()
        .and_then(|own| own.parent().map(|folder| folder.join(&name)))
        .filter(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from(name))
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(10)..].join("\n");
    if last.is_empty() { "(empty)".to_owned() } else { last }
}
