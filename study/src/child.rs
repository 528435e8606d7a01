//! Runs other programs to their end.
//!
//! Each gets its own process group. So Ctrl-C at the terminal reaches this program only, which passes it on.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use lifecycle::Interrupt;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};

/// Where a program's output goes.
pub struct Output<'a> {
    /// The file for standard error, and for standard output unless that has its own file. It is appended to.
    pub log: &'a Path,
    /// The file for standard output, if it has its own.
    pub stdout: Option<&'a Path>,
    /// Whether the lines of the log are also shown on standard error.
    pub shown: bool,
}

/// Runs a program to its end, and returns its exit status. At each interrupt the program gets SIGTERM.
///
/// Its standard input is the lock file, which is empty. So the lock is held until the child has ended, even
/// if this program is killed, and no other study begins while the child still writes.
///
/// # Errors
/// If it can't be started, or its log can't be written.
pub async fn run(
    program: &Path,
    arguments: &[String],
    output: Output<'_>,
    lock: &File,
    interrupt: &mut Interrupt,
) -> Result<ExitStatus> {
    let Output { log, stdout, shown } = output;
    let file = OpenOptions::new().create(true).append(true).open(log);
    let file = Arc::new(file.with_context(|| format!("writing {}", log.display()))?);
    let stdout = match stdout {
        Some(path) => File::create(path).with_context(|| format!("writing {}", path.display()))?.into(),
        None => Stdio::piped(),
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(lock.try_clone().context("sharing the lock")?)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let stdout = stdout.map(|stream| tokio::spawn(copy_lines(stream, file.clone(), shown)));
    let stderr = stderr.map(|stream| tokio::spawn(copy_lines(stream, file, shown)));
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.context("waiting for a child")?,
            () = interrupt.again() => terminate(&child),
        }
    };
    for stream in [stdout, stderr].into_iter().flatten() {
        stream.await?;
    }
    Ok(status)
}

/// Copies lines to a log, and to standard error if they are shown.
async fn copy_lines(stream: impl AsyncRead + Unpin, log: Arc<File>, shown: bool) {
    let mut lines = BufReader::new(stream);
    let mut line = vec![];
    while matches!(lines.read_until(b'\n', &mut line).await, Ok(1..)) {
        if shown {
            say!("    {}", String::from_utf8_lossy(&line).trim_end());
        }
        // If the disk is full, the child fails by itself.
        let _ = (&*log).write_all(&line);
        line.clear();
    }
}

/// Sends SIGTERM to a child.
fn terminate(child: &Child) {
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(pid) = pid {
        // This fails if it has ended by itself meanwhile.
        let _ = kill_process(pid, Signal::TERM);
    }
}
