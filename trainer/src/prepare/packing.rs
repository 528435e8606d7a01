//! How many sequences the samples would fill.

use std::collections::BTreeMap;

/// Sequences of `room` tokens that samples of these lengths fill, the longest first, each into the fullest one that
/// still has room for it.
pub fn sequences(lengths: &[usize], room: usize) -> usize {
    let mut lengths = lengths.to_vec();
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    let mut open: BTreeMap<usize, usize> = BTreeMap::new(); // sequences by the room that they have left
    for length in lengths {
        let fullest = open.range(length..).next().map(|(left, _)| *left);
        if let Some(left) = fullest {
            let count = open.entry(left).or_default();
            *count -= 1;
            if *count == 0 {
                open.remove(&left);
            }
        }
        *open.entry(fullest.unwrap_or(room).saturating_sub(length)).or_default() += 1;
    }
    open.values().sum()
}
