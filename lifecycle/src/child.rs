//! A server as a child process: started, awaited until it listens, and stopped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::address::GREETING;

/// How long a server may take to end; a little more than [`DRAIN`](crate::DRAIN).
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// A free port of this machine.
const ANY_PORT: &str = "127.0.0.1:0";
/// Number of log lines that an error shows.
const TAIL_LINES: usize = 15;

/// A running server. It ends when its standard input closes, so it cannot outlive this program, however this program ends.
#[derive(Debug)]
pub struct Server {
    what: &'static str,
    child: Child,
    /// Closing it ends the server. It is kept here because `Child::wait` would close the child's own.
    stdin: Option<ChildStdin>,
    url: String,
    log: PathBuf,
}

/// Why a server is not running.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The executable can't be started.
    #[error("can't start {}: {source}", program.display())]
    Start {
        /// Which executable.
        program: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The log can't be written.
    #[error("can't write the {what}'s log {}: {source}", path.display())]
    Log {
        /// Which server.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It ended, or its first line of output was not its address.
    #[error("the {what} did not start: {problem}; the end of {}:\n{}", log.display(), tail(log))]
    NotReady {
        /// Which server.
        what: &'static str,
        /// What happened instead.
        problem: String,
        /// Its log.
        log: PathBuf,
    },
    /// It ended while it was needed.
    #[error(
        "the {what} ended ({status}); the same command goes on from here; the end of {}:\n{}",
        log.display(),
        tail(log)
    )]
    Ended {
        /// Which server.
        what: &'static str,
        /// The exit status, in the operating system's words.
        status: String,
        /// Its log.
        log: PathBuf,
    },
}

impl Server {
    /// Starts a server and waits until it listens, on a free port. Errors call it `what`. `arguments` are those before
    /// `--listen`; its standard error goes to `log`. It has its own process group, so Ctrl-C at the terminal reaches only
    /// the caller. The wait has no limit of its own: drop the future to give up, which kills the server.
    ///
    /// # Errors
    /// [`Error`] if it can't be started or does not listen.
    pub async fn start(
        what: &'static str,
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        log: &Path,
    ) -> Result<Self, Error> {
        let mut command = Command::new(program);
        command.args(arguments);
        Self::start_command(what, command, log).await
    }

    /// The same, for a command that has more to it than its arguments, such as an environment.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_command(what: &'static str, command: Command, log: &Path) -> Result<Self, Error> {
        Self::start_on(what, command, ANY_PORT, log).await
    }

    /// The same, on an address of the caller's choice, such as `127.0.0.1:8000`.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_on(
        what: &'static str,
        mut command: Command,
        address: &str,
        log: &Path,
    ) -> Result<Self, Error> {
        let stderr = File::create(log).map_err(|source| Error::Log { what, path: log.to_owned(), source })?;
        command
            .args(["--listen", address, "--until-stdin-closes"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|source| {
            let program = command.as_std().get_program().into();
            Error::Start { program, source }
        })?;
        let not_ready = |problem: String| Error::NotReady { what, problem, log: log.to_owned() };
        let stdout = child.stdout.take().ok_or_else(|| not_ready("it has no output".to_owned()))?;
        let mut lines = BufReader::new(stdout).lines();
        let line = match lines.next_line().await {
            Ok(Some(line)) => line,
            Ok(None) => return Err(not_ready("it ended at once".to_owned())),
            Err(error) => return Err(not_ready(error.to_string())),
        };
        let url = line
            .strip_prefix(GREETING)
            .ok_or_else(|| not_ready(format!("its first line was `{line}`")))?
            .trim()
            .to_owned();
        // Keeps reading, so that a server which prints more is never blocked by a full pipe. Ends with the server.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let stdin = child.stdin.take();
        Ok(Self { what, child, stdin, url, log: log.to_owned() })
    }

    /// The server's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process's id, unless it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it ends by itself, which is an error.
    pub async fn ended(&mut self) -> Error {
        let status = self.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
        Error::Ended { what: self.what, status, log: self.log.clone() }
    }

    /// Waits until it ends, because it was asked to by a signal.
    ///
    /// # Errors
    /// If its end can't be waited for.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Kills it, as by `kill -9`, and waits until it has ended.
    ///
    /// # Errors
    /// If it can't be killed.
    pub async fn kill(mut self) -> std::io::Result<()> {
        self.child.kill().await
    }

    /// Closes its input and waits until it has ended. Returns its exit status, unless it had to be killed.
    pub async fn stop(mut self) -> Option<ExitStatus> {
        drop(self.stdin.take());
        if let Ok(ended) = tokio::time::timeout(STOP_LIMIT, self.child.wait()).await {
            return ended.ok();
        }
        // If this fails too, dropping the child kills it.
        let _ = self.child.kill().await;
        None
    }
}

/// The executable of this name beside this one or, if there is none, the one on the PATH.
pub fn program(name: &str) -> PathBuf {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::current_exe()
        .ok()
        .and_then(|own| own.parent().map(|folder| folder.join(&name)))
        .filter(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from(name))
}

/// The last lines of a log.
pub fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    if last.is_empty() { "(empty)".to_owned() } else { last.join("\n") }
}
