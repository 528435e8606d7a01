//! What the process uses, what the machine still has, and the errors of using it up.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};

use crate::common::{field_sum, private_bytes};

/// Memory in bytes that must stay available.
pub const SPARE: f64 = 2e9;

/// What the process uses: bytes, and the number of its memory maps.
pub struct Usage {
    pub private: f64,
    pub resident: f64,
    pub addresses: f64,
    pub maps: f64,
}

impl Usage {
    /// The current usage.
    pub fn now() -> Usage {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        // Read line by line: a buffer for the whole file would be another map.
        let maps = BufReader::new(File::open("/proc/self/maps").expect("Linux lists the maps"));
        Usage {
            private: private_bytes("self"),
            resident: field_sum(&status, "VmRSS:") * 1024.0,
            addresses: field_sum(&status, "VmSize:") * 1024.0,
            maps: maps.split(b'\n').count() as f64,
        }
    }
}

/// The memory in bytes that the machine still has.
pub fn available_bytes() -> f64 {
    field_sum(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), "MemAvailable:") * 1024.0
}

/// The number of memory maps that the kernel allows a process.
pub fn max_map_count() -> f64 {
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    text.trim().parse().unwrap_or(f64::INFINITY)
}

/// An error with all its causes.
pub fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
