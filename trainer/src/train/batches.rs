//! Which samples share a pass and a step, and in which order.
//!
//! This module knows only the lengths of samples. Samples that share a pass are concatenated, each attending
//! only to itself, so nothing is padded, with or without packing.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The samples of one pass, by index.
pub type Samples = Vec<usize>;

/// How samples are grouped into passes, and passes into steps.
#[derive(Clone, Debug)]
pub struct Batches {
    /// The lengths of the samples, in tokens.
    pub lengths: Vec<usize>,
    /// Capacity in tokens of a sequence that samples are packed into; `None`: one sample per sequence.
    pub packing: Option<usize>,
    /// Sequences per pass.
    pub sequences_per_pass: usize,
    /// Passes per step; the last step of an epoch may have fewer.
    pub passes_per_step: usize,
    /// Seed of the order.
    pub seed: u64,
}

impl Batches {
    /// The steps of an epoch, which depend only on `self` and the epoch's number.
    pub fn epoch(&self, epoch: u64) -> Vec<Vec<Samples>> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(epoch);
        let mut order: Vec<usize> = (0..self.lengths.len()).collect();
        order.shuffle(&mut random);
        let mut sequences = match self.packing {
            Some(capacity) => pack(&order, &self.lengths, capacity),
            None => order.into_iter().map(|sample| vec![sample]).collect(),
        };
        if self.packing.is_some() {
            sequences.shuffle(&mut random); // packing leaves them ordered by length
        }
        let passes: Vec<Samples> = sequences.chunks(self.sequences_per_pass).map(<[_]>::concat).collect();
        passes.chunks(self.passes_per_step).map(<[_]>::to_vec).collect()
    }

    /// The number of steps of an epoch. It is the same for all epochs, because packing depends only on
    /// lengths.
    pub fn steps_per_epoch(&self) -> u64 {
        self.epoch(0).len() as u64
    }
}

/// Packs samples into sequences of at most `capacity` tokens: best fit decreasing. From the longest sample to
/// the shortest, each goes to the sequence with the least sufficient room. Samples of equal length are taken
/// in `order`.
pub fn pack(order: &[usize], lengths: &[usize], capacity: usize) -> Vec<Samples> {
    let mut decreasing = order.to_vec();
    decreasing.sort_by_key(|sample| std::cmp::Reverse(lengths[*sample]));
    let mut sequences: Vec<Samples> = vec![];
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
