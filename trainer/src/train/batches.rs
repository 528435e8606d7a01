//! Which samples are learnt together, and in which order.
//!
//! Knows lengths only. Samples that share a pass are laid end to end, each seeing only itself, so nothing is padded:
//! not with packing, and not without.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Samples of one pass, by number.
pub type Pass = Vec<usize>;

/// How samples become passes, and passes steps.
#[derive(Clone, Debug)]
pub struct Batches {
    /// The samples' lengths, in tokens.
    pub lengths: Vec<usize>,
    /// Tokens of a sequence that samples are packed into; none: a sequence is a sample.
    pub packing: Option<usize>,
    /// Sequences in one pass.
    pub sequences_per_pass: usize,
    /// Passes in one step; the last of an epoch may have fewer.
    pub passes_per_step: usize,
    /// Of the order.
    pub seed: u64,
}

impl Batches {
    /// The steps of an epoch; the same for the same epoch, always.
    pub fn epoch(&self, epoch: u64) -> Vec<Vec<Pass>> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(epoch);
        let mut order: Vec<usize> = (0..self.lengths.len()).collect();
        order.shuffle(&mut random);
        let mut sequences = match self.packing {
            Some(capacity) => pack(&order, &self.lengths, capacity),
            None => order.into_iter().map(|sample| vec![sample]).collect(),
        };
        if self.packing.is_some() {
            sequences.shuffle(&mut random); // they come longest sample first
        }
        let passes: Vec<Pass> = sequences.chunks(self.sequences_per_pass).map(<[_]>::concat).collect();
        passes.chunks(self.passes_per_step).map(<[_]>::to_vec).collect()
    }

    /// How many steps an epoch has: the same for all, as sequences are filled by length alone.
    pub fn steps_per_epoch(&self) -> u64 {
        self.epoch(0).len() as u64
    }
}

/// Sequences of at most `capacity` tokens: best fit, decreasing. The longest sample first, each goes where the
/// least room is left that still holds it. Of samples of one length, those that come first in `order` go first.
pub fn pack(order: &[usize], lengths: &[usize], capacity: usize) -> Vec<Pass> {
    let mut decreasing = order.to_vec();
    decreasing.sort_by_key(|sample| std::cmp::Reverse(lengths[*sample]));
    let mut sequences: Vec<Pass> = vec![];
    let mut by_room: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for sample in decreasing {
        let length = lengths[sample];
        let least = by_room.range(length..).next().map(|(room, _)| *room);
        let fitting = least.and_then(|room| Some((room, by_room.get_mut(&room)?.pop()?)));
        let (room, number) = fitting.unwrap_or_else(|| {
            sequences.push(vec![]);
            (capacity, sequences.len() - 1)
        });
        if by_room.get(&room).is_some_and(Vec::is_empty) {
            by_room.remove(&room);
        }
        sequences[number].push(sample);
        by_room.entry(room - length).or_default().push(number);
    }
    sequences
}
