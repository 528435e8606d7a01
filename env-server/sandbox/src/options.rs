//! The options of a sandbox.

use std::path::PathBuf;

use crate::budget::Budget;

/// Where snapshots are stored so that they stay when the process ends, each in a file of its own.
#[derive(Clone, Debug)]
pub struct Snapshots {
    /// The folder of the files. It belongs to one sandbox at a time.
    pub dir: PathBuf,
    /// Whether a file and its name are on the disk before a snapshot counts as stored, so that it survives the machine's
    /// end too. Takes as long as the disk does.
    pub sync: bool,
}

/// The options of a [`crate::Sandbox`]. `Options::default()` suits most uses.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of the compiled code. `None` means `$RUNTIME_GYM_CACHE`, else
    /// `$XDG_CACHE_HOME/runtime-gym`, else `~/.cache/runtime-gym`. Only this user may have write access to
    /// it.
    pub cache_dir: Option<PathBuf>,
    /// The most interpreters that can be in memory at a time. Each place reserves about 4 GiB of address
    /// space (a process has enough for some 20,000 places) and two memory maps (`vm.max_map_count`, usually
    /// 65,530), but no memory. An interpreter in memory takes two more maps.
    pub max_interpreters: u32,
    /// The upper bound, in bytes, of an interpreter's memory: a larger [`crate::Limits::memory_bytes`] has no
    /// further effect.
    pub max_memory_bytes: usize,
    /// Bytes of memory that a free place keeps resident, so that its next interpreter starts faster.
    pub keep_resident_bytes: usize,
    /// The directory of the file that stores hibernated interpreters. `None` stores them in memory,
    /// compressed.
    pub hibernation_dir: Option<PathBuf>,
    /// Stores snapshots in files that stay, in place of the file in `hibernation_dir`.
    pub snapshots: Option<Snapshots>,
    /// The size limit of that file, or of those files together, in bytes. What does not fit is stored in memory.
    pub hibernation_bytes: u64,
    /// The memory of all interpreters together, of those that hibernate too. A step that finds no room is not run.
    pub budget: Budget,
}

impl Default for Options {
    /// 1,024 interpreters of up to 1 GiB; 4 MiB kept resident in each free place; no directory for hibernation and
    /// none for snapshots, and up to 16 GiB in it if one is set; no bound of all memory.
    fn default() -> Self {
        Options {
            cache_dir: None,
            max_interpreters: 1024,
            max_memory_bytes: 1 << 30,
            keep_resident_bytes: 4 << 20,
            hibernation_dir: None,
            snapshots: None,
            hibernation_bytes: 16 << 30,
            budget: Budget::default(),
        }
    }
}
