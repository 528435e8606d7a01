//! Programs as children: one that is run to its end, and a server that runs beside it.
//!
//! A child has a process group of its own, so that a Ctrl-C at the terminal reaches it by this program alone, once.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::interrupt::{Interrupt, Interrupted};

/// What a server's first line of output begins with.
const GREETING: &str = "listening on ";
/// How long a server may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Lines of a log that an error shows.
const TAIL_LINES: usize = 15;

/// Where what a program says goes, beside what is shown.
pub struct Sayings<'a> {
    /// Everything, unless there is another place for standard output.
    pub log: &'a Path,
    /// Standard output.
    pub stdout: Option<&'a Path>,
    /// Whether the log is shown on standard error, too.
    pub shown: bool,
}

/// Runs a program to its end. Whoever interrupts, interrupts it.
///
/// # Errors
/// If it can't be started, or its log can't be written. How it ended is the caller's to judge.
pub async fn run(
    program: &Path,
    arguments: &[String],
    sayings: Sayings<'_>,
    interrupt: &mut Interrupt,
) -> Result<ExitStatus> {
    let Sayings { log, stdout, shown } = sayings;
    let file = OpenOptions::new().create(true).append(true).open(log);
    let file = Arc::new(file.with_context(|| format!("writing {}", log.display()))?);
    let output = match stdout {
        Some(path) => File::create(path).with_context(|| format!("writing {}", path.display()))?.into(),
        None => Stdio::piped(),
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let output = output.map(|stream| tokio::spawn(pass_on(stream, file.clone(), shown)));
    let errors = errors.map(|stream| tokio::spawn(pass_on(stream, file, shown)));
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.context("waiting for a child")?,
            () = interrupt.again() => terminate(&child),
        }
    };
    for stream in [output, errors].into_iter().flatten() {
        stream.await?;
    }
    Ok(status)
}

/// Copies lines to a log and perhaps to standard error.
async fn pass_on(stream: impl AsyncRead + Unpin, log: Arc<File>, shown: bool) {
    let mut lines = BufReader::new(stream);
    let mut line = vec![];
    while matches!(lines.read_until(b'\n', &mut line).await, Ok(1..)) {
        if shown {
            eprintln!("    {}", String::from_utf8_lossy(&line).trim_end());
        }
        // A full disk will be the child's problem soon enough.
        let _ = (&*log).write_all(&line);
        line.clear();
    }
}

/// Asks a child to end.
fn terminate(child: &Child) {
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(pid) = pid {
        // It may have ended by itself meanwhile.
        let _ = kill_process(pid, Signal::TERM);
    }
}

/// A server. It ends when its standard input does, so it cannot outlive this program, however that ends.
#[derive(Debug)]
pub struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts one and waits until it listens. What it says goes to a log only.
    ///
    /// # Errors
    /// If it does not come to listen, with the end of its log; [`Interrupted`] if someone interrupts.
    pub async fn start(
        program: &Path,
        arguments: &[String],
        log: &Path,
        interrupt: &mut Interrupt,
    ) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("writing {}", log.display()))?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let stdout = child.stdout.take().context("a piped child has an output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::select! {
            line = lines.next_line() => line.context("reading a server's first line")?,
            () = interrupt.again() => bail!(Interrupted),
        };
        let url =
            line.as_deref().and_then(|line| line.strip_prefix(GREETING)).map(|url| url.trim().to_owned());
        let Some(url) = url else {
            bail!("the model's server did not start; the end of {}:\n{}", log.display(), tail(log))
        };
        // Read on, so that a server that prints more is never blocked by a full pipe; ends with the server.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, url, log: log.to_owned() })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Why it ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(format!(
            "the model's server ended ({status}); the end of {}:\n{}",
            self.log.display(),
            tail(&self.log)
        ))
    }

    /// Closes its input and waits until it has ended.
    pub async fn stop(mut self) {
        drop(self.stdin.take());
        if tokio::time::timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// The last lines of a log.
pub fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    if last.is_empty() { "(empty)".to_owned() } else { last.join("\n") }
}
