//! What is read of the process, under the names that Prometheus's own libraries use. What the system does not say is left out.

use std::fmt;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::page::Page;

/// What `/proc/self/stat` says, see proc(5).
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_seconds: f64,
    threads: u64,
    virtual_bytes: u64,
    resident_bytes: u64,
}

impl Stat {
    /// Reads it. The second field, a name in parentheses, may hold anything.
    fn parse(text: &str, ticks: u64, page: u64) -> Option<Self> {
        let (_, fields) = text.rsplit_once(") ")?;
        // Counted from 1 in proc(5); the first of these is the third.
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) as f64 / ticks as f64,
            threads: field(20)?,
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * page,
        })
    }

    fn read() -> Option<Self> {
        let text = std::fs::read_to_string("/proc/self/stat").ok()?;
        Self::parse(&text, clock_ticks_per_second(), page_size() as u64)
    }
}

/// Writes what the process takes.
///
/// # Errors
/// The page's.
pub fn write(page: &mut Page<'_>) -> fmt::Result {
    if let Some(stat) = Stat::read() {
        let help = "Processor time of the process, user and system";
        page.counter("process_cpu_seconds", help, stat.cpu_seconds)?;
        page.gauge("process_threads", "Threads of the process", stat.threads)?;
        page.gauge("process_virtual_memory_bytes", "Address space of the process", stat.virtual_bytes)?;
        let help = "Memory of the process, with files and what it shares";
        page.gauge("process_resident_memory_bytes", help, stat.resident_bytes)?;
    }
    if let Some(open) = open_files() {
        page.gauge("process_open_fds", "Open file descriptors", open)?;
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        page.gauge("process_max_fds", "The most open file descriptors", most)?;
    }
    Ok(())
}

fn open_files() -> Option<u64> {
    // One of them is the folder itself.
    Some((std::fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_any_name() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 9 18 19 4096 2 23 24";
        let stat = Stat::parse(&format!("7 (a) name (b) {fields}"), 100, 1000).unwrap();
        let wanted = Stat { cpu_seconds: 2.0, threads: 9, virtual_bytes: 4096, resident_bytes: 2000 };
        assert_eq!(stat, wanted);
        assert_eq!(Stat::parse("7 (a) S 1", 100, 1000), None);
    }

    #[test]
    fn this_process_has_some_of_each() {
        let stat = Stat::read().unwrap();
        assert!(stat.threads > 0 && stat.resident_bytes > 1 << 20 && open_files().unwrap() >= 3);
    }
}
