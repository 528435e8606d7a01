//! Whether the cache fits.

use tch::{Device, Kind};

use crate::model::{Cache, Config};
use crate::{Error, Result};

/// Refuses a cache that cannot fit into what memory is free now; says what would.
pub fn check(config: &Config, kind: Kind, device: Device, slots: usize, context: usize) -> Result<()> {
    let (Device::Cpu, Some(free)) = (device, free_bytes()) else {
        return Ok(()); // A GPU's is allocated as a whole at the start.
    };
    let token = Cache::bytes_per_token(config, kind);
    let needed = token * slots as u64 * context as u64;
    if needed <= free {
        return Ok(());
    }
    Err(Error::Memory {
        needed,
        free,
        problem: format!(
            "the cache of {slots} sequences of {context} tokens does not fit; with that context {} sequences do, with as \
             many sequences {} tokens",
            free / (token * context as u64),
            free / (token * slots as u64),
        ),
    })
}

/// What the system says is available.
fn free_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}
