//! The state of an interpreter between two steps, compressed and independent of any instance.

use crate::engine::yield_now;
use crate::error::Error;
use crate::pages::{self, PAGE_BYTES};
use crate::spill::{Spill, Stored};
use crate::world::World;

/// The exact state of an interpreter, stored as the difference from the pristine state.
pub struct Snapshot {
    /// The size of the whole memory.
    memory_bytes: usize,
    /// The offsets of the changed pages, in rising order.
    pages: Vec<usize>,
    /// The changed pages, XORed with the pristine ones and compressed.
    difference: Stored,
    /// The values of the guest's mutable globals.
    pub variables: Vec<i32>,
    /// The world.
    pub world: World,
}

impl Snapshot {
    /// Stores the difference between `memory` and `pristine` in `spill`. It yields every few milliseconds.
    ///
    /// # Errors
    /// More than `max_bytes` differ.
    pub async fn take(
        memory: &[u8],
        variables: Vec<i32>,
        world: World,
        pristine: &[u8],
        spill: &Spill,
        max_bytes: usize,
    ) -> Result<Snapshot, TooLarge> {
        let pages = pages::changed(memory, pristine);
        let bytes = pages.len() * PAGE_BYTES;
        if bytes > max_bytes {
            return Err(TooLarge { bytes });
        }
        let difference = spill.store(pack(memory, &pages, pristine).await);
        Ok(Snapshot { memory_bytes: memory.len(), pages, difference, variables, world })
    }

    /// The size in bytes of the memory that it restores.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// The bytes it takes in the host's memory and on disk.
    pub fn kept_bytes(&self) -> (usize, usize) {
        let own = size_of_val(&self.pages[..]) + self.world.bytes();
        match &self.difference {
            Stored::InMemory(bytes) => (own + bytes.len(), 0),
            Stored::OnDisk(extent) => (own, extent.bytes()),
        }
    }

    /// Writes the changed pages to `memory`, which must hold the pristine state and be at least
    /// [`Snapshot::memory_bytes`] long. It yields every few milliseconds.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if the stored difference cannot be read or is damaged.
    pub async fn write_to(&self, memory: &mut [u8], pristine: &[u8]) -> Result<(), Error> {
        let written = unpack(&self.difference.read()?, memory, &self.pages, pristine).await;
        written.ok_or_else(|| Error::Snapshot("the stored snapshot is damaged".into()))
    }
}

/// A snapshot would hold more than it may.
pub struct TooLarge {
    /// The bytes of changed memory.
    pub bytes: usize,
}

/// The number of pages in a chunk, which is compressed as one.
const CHUNK_PAGES: usize = 64;
/// The number of chunks after which others get their turn: two megabytes, or some four milliseconds.
const CHUNKS_A_TURN: usize = 8;

/// Compresses the changed pages, chunk by chunk: a compressed chunk follows its length (4 bytes,
/// little-endian).
async fn pack(memory: &[u8], pages: &[usize], pristine: &[u8]) -> Vec<u8> {
    let (mut packed, mut bytes) = (Vec::new(), Vec::with_capacity(CHUNK_PAGES * PAGE_BYTES));
    for (number, pages) in (1..).zip(pages.chunks(CHUNK_PAGES)) {
        if number % CHUNKS_A_TURN == 0 {
            yield_now().await;
        }
        bytes.clear();
        for page in pages {
            bytes.extend_from_slice(&memory[*page..*page + PAGE_BYTES]);
        }
        xor_with_pristine(&mut bytes, pages, pristine);
        let chunk = lz4_flex::compress(&bytes);
        packed.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
        packed.extend_from_slice(&chunk);
    }
    packed
}

/// Reverses [`pack`]: writes the pages to `memory`. `None` if `packed` is damaged.
async fn unpack(mut packed: &[u8], memory: &mut [u8], pages: &[usize], pristine: &[u8]) -> Option<()> {
    let mut bytes = vec![0; CHUNK_PAGES * PAGE_BYTES];
    for (number, pages) in (1..).zip(pages.chunks(CHUNK_PAGES)) {
        if number % CHUNKS_A_TURN == 0 {
            yield_now().await;
        }
        let (length, rest) = packed.split_first_chunk()?;
        let (chunk, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        packed = rest;
        let length = lz4_flex::decompress_into(chunk, &mut bytes).ok()?;
        (length == pages.len() * PAGE_BYTES).then_some(())?;
        xor_with_pristine(&mut bytes, pages, pristine);
        for (page, content) in pages.iter().zip(bytes.chunks_exact(PAGE_BYTES)) {
            memory.get_mut(*page..*page + PAGE_BYTES)?.copy_from_slice(content);
        }
    }
    Some(())
}

/// XORs the contents of pages with the pristine ones. Applying it twice restores the contents.
fn xor_with_pristine(bytes: &mut [u8], pages: &[usize], pristine: &[u8]) {
    for (page, content) in pages.iter().zip(bytes.chunks_exact_mut(PAGE_BYTES)) {
        let Some(before) = pristine.get(*page..*page + PAGE_BYTES) else { continue };
        content.iter_mut().zip(before).for_each(|(byte, before)| *byte ^= before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::block_on;

    #[test]
    fn packed_pages_are_restored_and_damage_is_detected() {
        let pristine: Vec<u8> = (0..200 * PAGE_BYTES).map(|at| (at % 251) as u8).collect();
        let mut memory = pristine.clone();
        memory.resize(300 * PAGE_BYTES, 0);
        let pages: Vec<_> = (0..300).filter(|page| page % 3 == 0).map(|page| page * PAGE_BYTES).collect();
        for (number, page) in pages.iter().enumerate() {
            memory[page + number] = 99;
        }
        let packed = block_on(pack(&memory, &pages, &pristine));
        assert!(packed.len() < 20 * pages.len() + 2000, "{} bytes", packed.len());

        let mut again = pristine.clone();
        again.resize(memory.len(), 0);
        block_on(unpack(&packed, &mut again, &pages, &pristine)).unwrap();
        assert!(again == memory);
        for broken in [&packed[..packed.len() - 1], &packed[1..], &[], &[255; 9]] {
            assert_eq!(block_on(unpack(broken, &mut again, &pages, &pristine)), None);
        }
    }
}
