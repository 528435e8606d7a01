//! Finds the pages of an interpreter's memory that differ from the pristine memory.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::LazyLock;

/// The unit in which memory is compared, copied and stored.
pub const PAGE_BYTES: usize = 4096;

/// The offsets of the pages in `memory` that differ from `pristine`, in rising order. `pristine` counts as
/// zero beyond its end.
pub fn changed(memory: &[u8], pristine: &[u8]) -> Vec<usize> {
    let differs = |at: &usize| {
        let page = &memory[*at..*at + PAGE_BYTES];
        match pristine.get(*at..*at + PAGE_BYTES) {
            Some(before) => page != before,
            None => page.iter().any(|byte| *byte != 0),
        }
    };
    possibly_written(memory).into_iter().filter(differs).collect()
}

/// The offsets of the pages that may have been written: all pages if the kernel does not say.
fn possibly_written(memory: &[u8]) -> Vec<usize> {
    let all = (0..memory.len()).step_by(PAGE_BYTES);
    match pagemap_entries(memory) {
        Some(entries) => all.zip(entries).filter(|(_, entry)| is_private(*entry)).map(|(at, _)| at).collect(),
        None => all.collect(),
    }
}

/// The kernel's entry for each page of a memory
/// (<https://docs.kernel.org/admin-guide/mm/pagemap.html>).
fn pagemap_entries(memory: &[u8]) -> Option<impl Iterator<Item = u64>> {
    static PAGEMAP: LazyLock<Option<File>> = LazyLock::new(|| {
        // One entry stands for one page of the machine's page size.
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

/// Whether a page, in memory or swapped out, is a private copy: not a page of the file that memory was mapped
/// from.
fn is_private(entry: u64) -> bool {
    const FILE_PAGE: u64 = 1 << 61;
    const SWAPPED: u64 = 1 << 62;
    const PRESENT: u64 = 1 << 63;
    entry & (PRESENT | SWAPPED) != 0 && entry & FILE_PAGE == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_pages_are_found_within_and_beyond_the_pristine_memory() {
        let pristine = vec![7; 4 * PAGE_BYTES];
        let mut memory = pristine.clone();
        memory.resize(8 * PAGE_BYTES, 0);
        assert!(changed(&memory, &pristine).is_empty());
        for at in [PAGE_BYTES, 2 * PAGE_BYTES - 1, 3 * PAGE_BYTES + 5, 6 * PAGE_BYTES] {
            memory[at] = 9;
        }
        assert_eq!(changed(&memory, &pristine), [PAGE_BYTES, 3 * PAGE_BYTES, 6 * PAGE_BYTES]);
    }
}
