//! The machine that a study runs on.

use std::path::Path;
use std::process::Command;

use proto::study::Machine;

/// Its description; a part that the system does not tell is empty or 0.
pub fn machine() -> Machine {
    let distribution = field("/etc/os-release", "PRETTY_NAME=").map(|name| name.trim_matches('"').to_owned());
    let kernel = field("/proc/sys/kernel/osrelease", "").unwrap_or_default();
    let kernel = format!("{} {kernel}", std::env::consts::OS);
    Machine {
        processor: field("/proc/cpuinfo", "model name").unwrap_or_default(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: kibibytes("MemTotal"),
        system: distribution.map_or_else(|| kernel.clone(), |name| format!("{name}, {kernel}")),
    }
}

/// Main memory that is available to programs now, in bytes; 0 if unknown.
pub fn free_memory() -> u64 {
    kibibytes("MemAvailable")
}

/// Free bytes on the disk of a folder, which need not exist yet; none if unknown.
pub fn free_disk(folder: &Path) -> Option<u64> {
    let existing = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let existing = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
    let disk = rustix::fs::statvfs(existing).ok()?;
    Some(disk.f_bavail * disk.f_frsize)
}

/// The memory of the largest GPU that NVIDIA's driver shows, in bytes; none without one.
pub fn gpu_memory() -> Option<u64> {
    let query = ["--query-gpu=memory.total", "--format=csv,noheader,nounits"];
    let output =
        Command::new("nvidia-smi").args(query).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.trim().parse::<u64>().ok()).max().map(|mebibytes| mebibytes << 20)
}

fn kibibytes(name: &str) -> u64 {
    let value = field("/proc/meminfo", name);
    value.and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// The text after `name` in the first line of a file that begins with it.
fn field(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}
