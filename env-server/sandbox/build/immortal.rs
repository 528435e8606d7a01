//! Makes every object in the guest's snapshot immortal.
//!
//! Python counts references inside each object, so merely looking at one writes to it, and a write to the
//! snapshot costs each interpreter a page fault and a page. The counts of immortal objects (PEP 683) are never
//! written. The guest lists its objects (`guest/python/gym_guest/snapshot.py`); here their counts are set in the
//! component's data segments, in place: nothing changes its length.

use std::ops::Range;

use wasmparser::{DataKind, Operator, Parser, Payload};

/// Stands before the guest's list, twice.
const MARK: &[u8] = b"runtime-gym: objects to make immortal:";
/// `_Py_IMMORTAL_INITIAL_REFCNT` where a pointer has 32 bits. The count is the first field of an object.
const IMMORTAL: u32 = 5 << 28;
/// `_Py_IMMORTAL_MINIMUM_REFCNT`: from here on an object is immortal.
const IMMORTAL_MINIMUM: u32 = 1 << 30;
/// A real count is far below this; anything between is not a count.
const MOST_REFERENCES: u32 = 1 << 26;

/// Sets the counts in `component`.
///
/// # Panics
/// If the component is not what the guest's build makes.
pub fn make(component: &mut [u8]) {
    let segments = segments(component);
    let list = list(component);
    assert!(list.len() > 10_000, "the guest lists only {} objects", list.len());
    for address in list {
        // Runs of zeros are in no segment, so a count may begin before its segment does.
        let places: Vec<_> = (address..address + 4).map(|address| place(&segments, address)).collect();
        let byte = |place: &Option<usize>| place.map_or(0, |at| component[at]);
        let count = u32::from_le_bytes([0, 1, 2, 3].map(|index| byte(&places[index])));
        if count >= IMMORTAL_MINIMUM {
            continue;
        }
        assert!((1..MOST_REFERENCES).contains(&count), "what is at {address:#x} has {count} references");
        for (place, byte) in places.into_iter().zip(IMMORTAL.to_le_bytes()) {
            let place = place.unwrap_or_else(|| panic!("no data segment holds the count at {address:#x}"));
            component[place] = byte;
        }
    }
}

/// A data segment: the memory's addresses that it fills, and where its bytes are in the component.
struct Segment {
    addresses: Range<u32>,
    at: usize,
}

/// The segments that are placed at constant addresses, in the order of their addresses.
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

/// Where the byte at an address is in the component; none if it is a zero that no segment holds.
fn place(segments: &[Segment], address: u32) -> Option<usize> {
    let after = segments.partition_point(|segment| segment.addresses.start <= address);
    let segment = &segments[after.checked_sub(1)?];
    segment.addresses.contains(&address).then(|| segment.at + (address - segment.addresses.start) as usize)
}

/// The guest's list of addresses. The mark stands twice before it; once, it is a constant in the guest's code.
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
