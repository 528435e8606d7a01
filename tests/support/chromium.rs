//! Chromium, which opens pages as a reader does.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::root;

/// How long a page may take to open.
const PATIENCE: Duration = Duration::from_secs(180);

/// A browser without a window.
pub struct Chromium {
    program: PathBuf,
    profile: tempfile::TempDir,
}

/// The colour scheme that the reader prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Chromium {
    /// The machine's Chromium, which `scripts/chromium.sh` finds or installs.
    ///
    /// # Panics
    /// If there is none and it cannot be installed.
    pub fn find() -> Self {
        let output = Command::new(root().join("scripts/chromium.sh")).stderr(Stdio::inherit()).output();
        let output = output.expect("scripts/chromium.sh can be run");
        assert!(output.status.success(), "no Chromium here; scripts/chromium.sh says what to do");
        let program = String::from_utf8(output.stdout).expect("a path").trim().into();
        Self { program, profile: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The page's elements after it was opened, and the messages of its console, one a line.
    ///
    /// # Panics
    /// If it does not open.
    pub fn elements(&self, page: &Path) -> (String, Vec<String>) {
        let output = self.open(page, &["--dump-dom".into()]);
        let said = String::from_utf8_lossy(&output.stderr);
        let console = said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
        (String::from_utf8_lossy(&output.stdout).into_owned(), console)
    }

    /// A screenshot of the page's upper left corner, as a PNG of this size.
    ///
    /// # Panics
    /// If it does not open.
    pub fn screenshot(&self, page: &Path, [width, height]: [u32; 2], colours: Colours) -> Vec<u8> {
        let png = self.profile.path().join("screenshot.png");
        let scheme = if colours == Colours::Dark { 0 } else { 1 };
        let output = self.open(
            page,
            &[
                format!("--screenshot={}", png.display()),
                format!("--window-size={width},{height}"),
                format!("--blink-settings=preferredColorScheme={scheme}"),
            ],
        );
        std::fs::read(&png).unwrap_or_else(|error| {
            panic!("no screenshot: {error}\n{}", String::from_utf8_lossy(&output.stderr));
        })
    }

    fn open(&self, page: &Path, arguments: &[String]) -> Output {
        let mut process = Command::new(&self.program)
            // No host name is ever resolved. Chromium's sandbox needs rights that a container lacks.
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .args(["--hide-scrollbars", "--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND"])
            .arg(format!("--user-data-dir={}", self.profile.path().display()))
            .args(arguments)
            .arg(format!("file://{}", page.display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Chromium can be started");
        let output = process.stdout.take().expect("stdout is piped");
        let errors = process.stderr.take().expect("stderr is piped");
        // Chromium has ended when both of its outputs have.
        let (sender, ended) = mpsc::channel();
        let [stdout, stderr] = [read(output, sender.clone()), read(errors, sender)];
        let deadline = Instant::now() + PATIENCE;
        for _ in [&stdout, &stderr] {
            if ended.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_err() {
                let _ = process.kill();
                panic!("{}: Chromium has not opened it in {PATIENCE:?}", page.display());
            }
        }
        let status = process.wait().expect("Chromium can be waited for");
        let text = |thread: JoinHandle<io::Result<Vec<u8>>>| {
            thread.join().expect("the reader ends").expect("Chromium's output can be read")
        };
        Output { status, stdout: text(stdout), stderr: text(stderr) }
    }
}

/// Reads to the end on a thread of its own, and then says so.
fn read(mut pipe: impl io::Read + Send + 'static, ended: Sender<()>) -> JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut text = Vec::new();
        let read = pipe.read_to_end(&mut text);
        let _ = ended.send(());
        read.map(|_| text)
    })
}
