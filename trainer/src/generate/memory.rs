//! Whether the cache fits into memory.

use tch::Device;

use super::Options;
use crate::model::{Cache, Model};
use crate::{Error, Result, cuda};

/// An empty cache that can grow to the options' limits in the memory that is free now. Main memory is
/// allocated as the cache grows, GPU memory at once.
///
/// # Errors
/// [`Error::Memory`] with limits that would fit.
pub fn cache(model: &Model, options: Options) -> Result<Cache> {
    let (slots, context) = (options.max_batch as u64, options.context as u64);
    let token = Cache::bytes_per_token(model.config(), model.kind());
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    let needed = token * slots * context;
    let what =
        format!("the cache of {slots} sequences of {context} tokens ({:.1} GiB) does not fit", gib(needed));

    let mut cache = Cache::new(model.config(), model.kind(), model.device());
    if model.device() != Device::Cpu {
        // Tried, not compared: what libtorch keeps for itself is not free for others.
        let reserved = cache.reserve(slots as i64, context as i64);
        let advice = "lower --max-batch or --context";
        reserved.map_err(|error| Error::Memory { problem: format!("{what}; {advice} ({error})") })?;
    } else if let Some(free) = free_bytes(Device::Cpu).filter(|free| needed > *free) {
        let problem = format!(
            "{what} into {:.1} GiB; lower --max-batch or --context: with that context {} sequences do, with as many \
             sequences {} tokens",
            gib(free),
            free / (token * context),
            free / (token * slots),
        );
        return Err(Error::Memory { problem });
    }
    Ok(cache)
}

/// The default of [`Options::max_batch`]: the number of sequences of `context` tokens that half of the free memory
/// of the model's device holds, at most 32; 32 where it is not known.
pub fn default_batch(model: &Model, context: usize) -> usize {
    const MOST: usize = 32;
    let each = Cache::bytes_per_token(model.config(), model.kind()) * context as u64;
    match free_bytes(model.device()) {
        Some(free) => ((free / 2 / each) as usize).clamp(1, MOST),
        None => MOST,
    }
}

/// Bytes of a device's memory that are available; `None` if the system does not report it.
fn free_bytes(device: Device) -> Option<u64> {
    if device != Device::Cpu {
        return cuda::memory(device).map(|memory| memory.free);
    }
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}
