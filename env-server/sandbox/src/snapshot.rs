//! All that an interpreter is between two steps, packed, apart from any instance.

use crate::error::Error;
use crate::instance::Instance;
use crate::pages::{self, PAGE_BYTES};
use crate::spill::{Kept, Spill};
use crate::world::World;

/// An interpreter's state, exactly: what differs from one that has run nothing.
pub struct Snapshot {
    memory_bytes: usize,
    /// Where the pages that differ begin, in rising order.
    places: Vec<usize>,
    /// How they differ: their bytes, one after the other, XOR what stood there, compressed.
    difference: Kept,
    pub variables: Vec<i32>,
    pub world: World,
}

impl Snapshot {
    /// That of an interpreter at rest; `pristine` is the memory of one that has run nothing. None where more than
    /// `most_bytes` of memory differ.
    pub fn take(
        instance: &mut Instance,
        pristine: &[u8],
        spill: &Spill,
        most_bytes: usize,
    ) -> Option<Snapshot> {
        let (variables, world) = (instance.variables(), instance.world().clone());
        let memory = instance.memory();
        let places = pages::that_differ(memory, pristine);
        if places.len() * PAGE_BYTES > most_bytes {
            return None;
        }
        let difference = spill.keep(pack(memory, &places, pristine));
        Some(Snapshot { memory_bytes: memory.len(), places, difference, variables, world })
    }

    /// The memory that it needs, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// What it takes of the host's memory, and of its disk, in bytes.
    pub fn kept_bytes(&self) -> (usize, usize) {
        let places = size_of_val(&self.places[..]) + self.world.bytes();
        match &self.difference {
            Kept::InMemory(bytes) => (places + bytes.len(), 0),
            Kept::OnDisk(stored) => (places, stored.bytes()),
        }
    }

    /// Puts the pages where they belong; `memory` is else that of an interpreter that has run nothing.
    pub fn write_to(&self, memory: &mut [u8], pristine: &[u8]) -> Result<(), Error> {
        unpack(&self.difference.bytes()?, memory, &self.places, pristine)
            .ok_or_else(|| Error::Snapshot("what was kept is broken".into()))
    }
}

/// Pages that are packed as one.
const TOGETHER: usize = 64;

/// How pages differ, some of them at a time: the length of what is packed in 4 bytes, lowest first, and that.
fn pack(memory: &[u8], places: &[usize], pristine: &[u8]) -> Vec<u8> {
    let (mut packed, mut bytes) = (Vec::new(), Vec::with_capacity(TOGETHER * PAGE_BYTES));
    for places in places.chunks(TOGETHER) {
        bytes.clear();
        for place in places {
            bytes.extend_from_slice(&memory[*place..*place + PAGE_BYTES]);
        }
        flip(&mut bytes, places, pristine);
        let together = lz4_flex::compress(&bytes);
        packed.extend_from_slice(&(together.len() as u32).to_le_bytes());
        packed.extend_from_slice(&together);
    }
    packed
}

/// Writes the pages back; none where they are not what [`pack`] gave.
fn unpack(mut packed: &[u8], memory: &mut [u8], places: &[usize], pristine: &[u8]) -> Option<()> {
    let mut bytes = vec![0; TOGETHER * PAGE_BYTES];
    for places in places.chunks(TOGETHER) {
        let (length, rest) = packed.split_first_chunk()?;
        let (together, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        packed = rest;
        let length = lz4_flex::decompress_into(together, &mut bytes).ok()?;
        (length == places.len() * PAGE_BYTES).then_some(())?;
        flip(&mut bytes, places, pristine);
        for (place, page) in places.iter().zip(bytes.chunks_exact(PAGE_BYTES)) {
            memory.get_mut(*place..*place + PAGE_BYTES)?.copy_from_slice(page);
        }
    }
    Some(())
}

/// XORs pages with what an interpreter that has run nothing has in their places. Twice is once back.
fn flip(bytes: &mut [u8], places: &[usize], pristine: &[u8]) {
    for (place, page) in places.iter().zip(bytes.chunks_exact_mut(PAGE_BYTES)) {
        let Some(before) = pristine.get(*place..*place + PAGE_BYTES) else { continue };
        page.iter_mut().zip(before).for_each(|(byte, before)| *byte ^= before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back_and_what_is_broken_does_not() {
        let pristine: Vec<u8> = (0..200 * PAGE_BYTES).map(|at| (at % 251) as u8).collect();
        let mut memory = pristine.clone();
        memory.resize(300 * PAGE_BYTES, 0);
        let places: Vec<_> = (0..300).filter(|page| page % 3 == 0).map(|page| page * PAGE_BYTES).collect();
        for (number, place) in places.iter().enumerate() {
            memory[place + number] = 99;
        }
        let packed = pack(&memory, &places, &pristine);
        assert!(packed.len() < 20 * places.len() + 2000, "{} bytes", packed.len());

        let mut again = pristine.clone();
        again.resize(memory.len(), 0);
        unpack(&packed, &mut again, &places, &pristine).unwrap();
        assert!(again == memory);
        for broken in [&packed[..packed.len() - 1], &packed[1..], &[], &[255; 9]] {
            assert_eq!(unpack(broken, &mut again, &places, &pristine), None);
        }
    }
}
