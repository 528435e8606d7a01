//! What a process uses, as Linux counts it.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// A process, by its id, or `self`.
#[derive(Clone, Debug)]
pub struct Process(String);

/// Memory in MB.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Memory {
    /// All resident pages. A page that a process has mapped several times counts several times: so do the parts of the
    /// pristine interpreter that all interpreters share.
    pub rss: f64,
    /// The same, where each page counts once, and in part if other processes share it.
    pub pss: f64,
    /// Pages that are the process's alone: no file holds them.
    pub own: f64,
}

impl Process {
    /// The process with this id.
    pub fn new(pid: u32) -> Self {
        Self(pid.to_string())
    }

    /// This process.
    pub fn this() -> Self {
        Self("self".to_owned())
    }

    /// Processor time used so far.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = self.read("stat")?;
        // The name, in parentheses, may hold anything; behind it utime and stime are the 12th and 13th.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok());
        let ticks = ticks(11).zip(ticks(12)).context("reading processor time")?;
        Ok(Duration::from_secs_f64((ticks.0 + ticks.1) / rustix::param::clock_ticks_per_second() as f64))
    }

    /// Memory in use. For a process of many memory maps this takes tenths of a second, and stops it meanwhile.
    pub fn memory(&self) -> Result<Memory> {
        let rollup = self.read("smaps_rollup")?;
        Ok(Memory {
            rss: megabytes(&rollup, "Rss:")?,
            pss: megabytes(&rollup, "Pss:")?,
            own: self.own_memory()?,
        })
    }

    /// [`Memory::own`] alone, which takes no time.
    pub fn own_memory(&self) -> Result<f64> {
        megabytes(&self.read("status")?, "RssAnon:")
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.0);
        fs::read_to_string(&path).with_context(|| format!("reading {path}"))
    }
}

/// The value of a line such as `Rss: 1024 kB`.
fn megabytes(text: &str, label: &str) -> Result<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label)).with_context(|| label.to_owned())?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}
