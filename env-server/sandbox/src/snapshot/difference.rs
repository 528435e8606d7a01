//! The difference between a memory and the pristine one: the changed pages, XORed with the pristine ones and compressed.

use crate::engine::yield_now;
use crate::pages::PAGE_BYTES;

/// The number of pages in a chunk, which is compressed as one.
const CHUNK_PAGES: usize = 64;
/// The number of chunks after which others get their turn: two megabytes, or some four milliseconds.
const CHUNKS_A_TURN: usize = 8;

/// Compresses the changed pages, chunk by chunk: a compressed chunk follows its length (4 bytes,
/// little-endian).
pub async fn pack(memory: &[u8], pages: &[usize], pristine: &[u8]) -> Vec<u8> {
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
pub async fn unpack(mut packed: &[u8], memory: &mut [u8], pages: &[usize], pristine: &[u8]) -> Option<()> {
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
    packed.is_empty().then_some(())
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
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(
            packed in proptest::collection::vec(any::<u8>(), 0..400),
            pages in proptest::collection::vec(0..400usize, 0..100),
        ) {
            let pages: Vec<_> = pages.into_iter().map(|page| page * PAGE_BYTES).collect();
            let mut memory = vec![0; 300 * PAGE_BYTES];
            let _ = block_on(unpack(&packed, &mut memory, &pages, &vec![1; 200 * PAGE_BYTES]));
            let length = u32::try_from(packed.len()).unwrap().to_le_bytes();
            let chunk = [&length[..], &packed].concat();
            let _ = block_on(unpack(&chunk, &mut memory, &pages, &[]));
        }
    }
}
