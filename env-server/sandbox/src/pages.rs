//! Which pages of an interpreter's memory are its own: the rest are as in every interpreter.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::LazyLock;

/// What is looked at, copied and kept as one.
pub const PAGE_BYTES: usize = 4096;

/// Where the pages of `memory` begin that are not as in `pristine`, beyond whose end memory is zero.
pub fn that_differ(memory: &[u8], pristine: &[u8]) -> Vec<usize> {
    let differs = |place: &usize| {
        let page = &memory[*place..*place + PAGE_BYTES];
        match pristine.get(*place..*place + PAGE_BYTES) {
            Some(before) => page != before,
            None => page.iter().any(|byte| *byte != 0),
        }
    };
    written(memory).into_iter().filter(differs).collect()
}

/// Where the pages begin that may have been written to; all of them where the kernel does not tell.
fn written(memory: &[u8]) -> Vec<usize> {
    let all = (0..memory.len()).step_by(PAGE_BYTES);
    match entries(memory) {
        Some(entries) => {
            all.zip(entries).filter(|(_, entry)| private(*entry)).map(|(place, _)| place).collect()
        }
        None => all.collect(),
    }
}

/// What the kernel knows of each page of a memory
/// (<https://docs.kernel.org/admin-guide/mm/pagemap.html>).
fn entries(memory: &[u8]) -> Option<impl Iterator<Item = u64>> {
    static PAGEMAP: LazyLock<Option<File>> = LazyLock::new(|| {
        // An entry stands for a page of the machine's size.
        let map = File::open("/proc/self/pagemap").ok()?;
        (rustix::param::page_size() == PAGE_BYTES).then_some(map)
    });
    const ENTRY_BYTES: usize = 8;
    let first = memory.as_ptr().addr() / PAGE_BYTES;
    let mut bytes = vec![0; memory.len() / PAGE_BYTES * ENTRY_BYTES];
    PAGEMAP.as_ref()?.read_exact_at(&mut bytes, (first * ENTRY_BYTES) as u64).ok()?;
    let entry = move |index| {
        let at = index * ENTRY_BYTES;
        bytes[at..at + ENTRY_BYTES].try_into().map(u64::from_le_bytes).unwrap_or_default()
    };
    Some((0..memory.len() / PAGE_BYTES).map(entry))
}

/// Whether a page is the process's own, in memory or swapped out, and not one of the file it started as.
fn private(entry: u64) -> bool {
    const OF_A_FILE: u64 = 1 << 61;
    const SWAPPED: u64 = 1 << 62;
    const PRESENT: u64 = 1 << 63;
    entry & (PRESENT | SWAPPED) != 0 && entry & OF_A_FILE == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_were_changed_are_found_within_the_old_memory_and_behind_it() {
        let pristine = vec![7; 4 * PAGE_BYTES];
        let mut memory = pristine.clone();
        memory.resize(8 * PAGE_BYTES, 0);
        assert!(that_differ(&memory, &pristine).is_empty());
        for place in [PAGE_BYTES, 2 * PAGE_BYTES - 1, 3 * PAGE_BYTES + 5, 6 * PAGE_BYTES] {
            memory[place] = 9;
        }
        assert_eq!(that_differ(&memory, &pristine), [PAGE_BYTES, 3 * PAGE_BYTES, 6 * PAGE_BYTES]);
    }
}
