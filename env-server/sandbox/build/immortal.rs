//! Makes every object in the guest's snapshot immortal.
//!
//! Python stores reference counts in the objects, so even reading an object writes to it, and the first write
//! to a page of the snapshot costs each interpreter a page fault and a copy of the page. The reference counts
//! of immortal objects (PEP 683) are never written. The guest lists its objects
//! (`guest/python/gym_guest/snapshot.py`); here their counts are overwritten in the component's data
//! segments, which keep their length.

use std::ops::Range;

use wasmparser::{DataKind, Operator, Parser, Payload};

/// The mark in front of the guest's list, where it occurs twice in a row.
const MARK: &[u8] = b"runtime-gym: objects to make immortal:";
/// CPython's `_Py_IMMORTAL_INITIAL_REFCNT` for 32-bit pointers. The count is the first field of an object.
const IMMORTAL: u32 = 5 << 28;
/// CPython's `_Py_IMMORTAL_MINIMUM_REFCNT`: an object with at least this count is immortal.
const IMMORTAL_MINIMUM: u32 = 1 << 30;
/// An upper bound of real counts. A value between this and the immortal minimum is not a count.
const MAX_REFERENCES: u32 = 1 << 26;

/// Overwrites the counts in `component`.
///
/// # Panics
/// If the component is not what the guest's build makes.
pub fn make(component: &mut [u8]) {
    let segments = segments(component);
    let list = list(component);
    assert!(list.len() > 10_000, "the guest lists only {} objects", list.len());
    for address in list {
        // Segments leave out runs of zeros, so a count may begin before its segment does.
        let offsets: Vec<_> = (address..address + 4).map(|address| offset(&segments, address)).collect();
        let byte = |offset: &Option<usize>| offset.map_or(0, |at| component[at]);
        let count = u32::from_le_bytes([0, 1, 2, 3].map(|index| byte(&offsets[index])));
        if count >= IMMORTAL_MINIMUM {
            continue;
        }
        assert!((1..MAX_REFERENCES).contains(&count), "the object at {address:#x} has {count} references");
        for (offset, byte) in offsets.into_iter().zip(IMMORTAL.to_le_bytes()) {
            let offset = offset.unwrap_or_else(|| panic!("no data segment holds the count at {address:#x}"));
            component[offset] = byte;
        }
    }
}

/// A data segment: the addresses that it fills, and the offset of its bytes in the component.
struct Segment {
    addresses: Range<u32>,
    at: usize,
}

/// The segments with constant addresses, in the order of their addresses.
fn segments(component: &[u8]) -> Vec<Segment> {
    let mut segments = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        let Payload::DataSection(section) = payload.expect("componentize-py writes valid components") else {
            continue;
        };
        for data in section {
            let data = data.expect("a data section holds data");
            let DataKind::Active { offset_expr, .. } = data.kind else { continue };
            let Ok(Operator::I32Const { value }) = offset_expr.get_operators_reader().read() else {
                continue;
            };
            let start = value.cast_unsigned();
            let length = u32::try_from(data.data.len()).expect("a segment fits in 32 bits");
            let at = data.data.as_ptr().addr() - component.as_ptr().addr();
            segments.push(Segment { addresses: start..start + length, at });
        }
    }
    segments.sort_by_key(|segment| segment.addresses.start);
    segments
}

/// The offset in the component of the byte at an address; `None` if no segment holds it, which means zero.
fn offset(segments: &[Segment], address: u32) -> Option<usize> {
    let after = segments.partition_point(|segment| segment.addresses.start <= address);
    let segment = &segments[after.checked_sub(1)?];
    segment.addresses.contains(&address).then(|| segment.at + (address - segment.addresses.start) as usize)
}

/// The guest's list of addresses. A single mark is not in front of the list: it is a constant in the guest's
/// code.
fn list(component: &[u8]) -> Vec<u32> {
    let marks = [MARK, MARK].concat();
    let at = component
        .windows(marks.len())
        .position(|window| window == marks)
        .expect("the guest lists its objects");
    let words = component[at + marks.len()..].chunks_exact(4);
    let mut words = words.map(|word| u32::from_le_bytes(word.try_into().expect("a word has 4 bytes")));
    let length = words.next().expect("the list has a length");
    words.take(length as usize).collect()
}
