//! An `env-server serve` as a child process that may end at any moment, also while it starts.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use lifecycle::child;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long a server may take to start, or to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(60);
/// How its first line begins.
const GREETING: &str = "listening on ";

/// A server's process. It ends when this is dropped.
pub struct Server {
    child: Child,
    // Closing it would end the server.
    _stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
    began: Instant,
}

impl Server {
    /// Starts a process, and does not wait for it. `command` is `env-server serve` with its arguments.
    pub fn spawn(mut command: Command, log: &Path) -> Result<Self> {
        let began = Instant::now();
        let errors = std::fs::File::create(log).with_context(|| log.display().to_string())?;
        command
            .args(["--listen", "127.0.0.1:0", "--until-stdin-closes"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().context("starting env-server")?;
        let stdin = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().context("it has an output")?).lines();
        Ok(Self { child, _stdin: stdin, lines, log: log.to_owned(), began })
    }

    /// Waits until it serves: its URL and how long that took; or its exit status, if it ends before.
    pub async fn serves(&mut self) -> Result<Result<(String, Duration), ExitStatus>> {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.with_context(|| format!("it does not start; its log:\n{}", self.log()))??;
        match line {
            Some(line) => {
                let url = line.strip_prefix(GREETING).with_context(|| format!("its first line is {line}"))?;
                Ok(Ok((url.trim().to_owned(), self.began.elapsed())))
            }
            None => Ok(Err(self.child.wait().await?)),
        }
    }

    /// Kills it, as by `kill -9`, and waits until it has ended.
    pub async fn kill(mut self) -> Result<()> {
        // Of one that has ended, it would fail.
        if self.child.id().is_some() {
            self.child.kill().await?;
        }
        Ok(())
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).context("it has ended")?;
        kill_process(pid, Signal::TERM)?;
        self.ended(PATIENCE).await?.with_context(|| format!("it does not end; its log:\n{}", self.log()))
    }

    /// Waits until it ends by itself; `None` if it does not in this time.
    pub async fn ended(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        Ok(timeout(patience, self.child.wait()).await.ok().transpose()?)
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        child::tail(&self.log)
    }
}
