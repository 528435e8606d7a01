//! Programs as children, run to their end.
//!
//! A child has a process group of its own, so that a Ctrl-C at the terminal reaches it by this program alone, once.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::interrupt::Interrupt;

/// Where what a program says goes, beside what is shown.
pub struct Sayings<'a> {
    /// Everything, unless there is another place for standard output.
    pub log: &'a Path,
    /// Standard output.
    pub stdout: Option<&'a Path>,
    /// Whether the log is shown on standard error, too.
    pub shown: bool,
}

/// Runs a program to its end. Whoever interrupts, interrupts it. Its standard input is the lock, which is empty: should
/// this program be killed, no other study begins while the child still writes.
///
/// # Errors
/// If it can't be started, or its log can't be written. How it ended is the caller's to judge.
pub async fn run(
    program: &Path,
    arguments: &[String],
    sayings: Sayings<'_>,
    lock: &File,
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
        .stdin(lock.try_clone().context("sharing the lock")?)
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
            say!("    {}", String::from_utf8_lossy(&line).trim_end());
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
