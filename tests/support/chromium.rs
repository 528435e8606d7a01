//! Chromium, as a reader of pages.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::root;

/// A page that takes longer to open does not open.
const PATIENCE: Duration = Duration::from_secs(180);

/// A browser without a window.
pub struct Chromium {
    program: PathBuf,
    profile: tempfile::TempDir,
}

/// Which colours the reader asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Chromium {
    /// The machine's own, which `scripts/chromium.sh` finds or installs.
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

    /// The page's elements after it was opened, and what its console said: one line a message.
    ///
    /// # Panics
    /// If it does not open.
    pub fn elements(&self, page: &Path) -> (String, Vec<String>) {
        let output = self.open(page, &["--dump-dom".into()]);
        let said = String::from_utf8_lossy(&output.stderr);
        let console = said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
        (String::from_utf8_lossy(&output.stdout).into_owned(), console)
    }

    /// What the page looks like, as a PNG; what lies beyond these pixels is cut off.
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
            // No name is ever looked up; a sandbox of its own needs rights that a container lacks.
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
        let mut stdout = process.stdout.take().expect("stdout is piped");
        let mut stderr = process.stderr.take().expect("stderr is piped");
        let reader = thread::spawn(move || {
            let mut text = Vec::new();
            stdout.read_to_end(&mut text).map(|_| text)
        });
        let talk = thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).map(|_| text)
        });
        let started = Instant::now();
        let status = loop {
            if let Some(status) = process.try_wait().expect("Chromium can be waited for") {
                break status;
            }
            if started.elapsed() > PATIENCE {
                let _ = process.kill();
                panic!("{}: Chromium has not opened it in {PATIENCE:?}", page.display());
            }
            thread::sleep(Duration::from_millis(50));
        };
        let text = |thread: thread::JoinHandle<std::io::Result<Vec<u8>>>| {
            thread.join().expect("the reader ends").expect("Chromium's output can be read")
        };
        Output { status, stdout: text(reader), stderr: text(talk) }
    }
}
