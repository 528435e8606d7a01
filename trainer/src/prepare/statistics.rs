//! What became of a corpus, in numbers.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Fit;
use crate::corpus::Corpus;
use crate::dataset::Dataset;
use crate::train::batches;

/// What became of a corpus.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// Conversations and documents found; the sum of `kept`, `cut`, and all that is `dropped`.
    pub read: usize,
    /// Taken whole; a document that is longer than a sequence is taken in pieces.
    pub kept: usize,
    /// Taken without their last turns.
    pub cut: usize,
    /// Not taken, by reason.
    pub dropped: BTreeMap<String, usize>,
    /// Answers that were cut off.
    pub answers_cut: usize,
    /// Samples written.
    pub samples: usize,
    /// Their tokens.
    pub tokens: usize,
    /// Of them, those that bear loss.
    pub target_tokens: usize,
    /// Tokens of a sample.
    pub lengths: Lengths,
    /// What packing would make of the samples.
    pub packing: Packing,
}

/// Tokens of a sample: the least, the most, and percentiles (nearest rank).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // the names say it
pub struct Lengths {
    pub min: usize,
    pub p25: usize,
    pub p50: usize,
    pub p75: usize,
    pub p90: usize,
    pub p99: usize,
    pub max: usize,
}

/// What packing would make of the samples: an expectation, as training packs anew in every epoch.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Packing {
    /// Sequences.
    pub sequences: usize,
    /// The share of them that is filled, 0 to 1.
    pub fill: f64,
}

impl Statistics {
    pub(super) fn new(corpus: &Corpus) -> Self {
        let mut dropped = corpus.left_out.clone();
        if !corpus.bad.is_empty() {
            dropped.insert("not understood".to_owned(), corpus.bad.len());
        }
        let read = corpus.items.len() + dropped.values().sum::<usize>();
        Self { read, dropped, ..Self::default() }
    }

    pub(super) fn count(&mut self, fit: &Fit) {
        match fit {
            Fit::Whole(_) => self.kept += 1,
            Fit::Cut { answers, .. } => {
                self.cut += 1;
                self.answers_cut += answers;
            }
            Fit::TooLong => self.drop("too long up to its first answer"),
            Fit::NoAnswer => self.drop("no answer"),
        }
    }

    pub(super) fn count_document(&mut self, pieces: usize) {
        match pieces {
            0 => self.drop("nothing to predict"),
            _ => self.kept += 1,
        }
    }

    fn drop(&mut self, reason: &str) {
        *self.dropped.entry(reason.to_owned()).or_default() += 1;
    }

    pub(super) fn measure(&mut self, dataset: &Dataset, sequence_len: usize) {
        let mut lengths: Vec<usize> = dataset.samples().map(|sample| sample.tokens.len()).collect();
        lengths.sort_unstable();
        let percentile = |percent: usize| lengths[(lengths.len() * percent).div_ceil(100).max(1) - 1];
        self.samples = lengths.len();
        self.tokens = lengths.iter().sum();
        let targets = dataset.samples().map(|sample| sample.targets.iter().filter(|target| **target).count());
        self.target_tokens = targets.sum();
        self.lengths = Lengths {
            min: percentile(0),
            p25: percentile(25),
            p50: percentile(50),
            p75: percentile(75),
            p90: percentile(90),
            p99: percentile(99),
            max: percentile(100),
        };
        let order: Vec<usize> = (0..lengths.len()).collect();
        let sequences = batches::pack(&order, &lengths, sequence_len).len();
        let fill = self.tokens as f64 / (sequences * sequence_len) as f64;
        self.packing = Packing { sequences, fill };
    }

    /// Where everything went, in a line.
    pub(super) fn whereabouts(&self) -> String {
        let dropped: Vec<String> =
            self.dropped.iter().map(|(reason, count)| format!("{count} dropped ({reason})")).collect();
        let dropped = if dropped.is_empty() { "none dropped".to_owned() } else { dropped.join(", ") };
        format!("{} read, {} kept whole, {} cut, {dropped}", self.read, self.kept, self.cut)
    }
}

/// For a person.
impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lengths { min, p25, p50, p75, p90, p99, max } = self.lengths;
        writeln!(f, "{}", self.whereabouts())?;
        if self.answers_cut > 0 {
            writeln!(f, "{} answers cut off", self.answers_cut)?;
        }
        let share = 100.0 * self.target_tokens as f64 / self.tokens.max(1) as f64;
        writeln!(
            f,
            "{} samples, {} tokens, {} of them bear loss ({share:.1} %)",
            self.samples, self.tokens, self.target_tokens
        )?;
        writeln!(
            f,
            "tokens a sample: min {min}, 25 % {p25}, median {p50}, 75 % {p75}, 90 % {p90}, 99 % {p99}, max {max}"
        )?;
        let Packing { sequences, fill } = self.packing;
        write!(f, "packed: about {sequences} sequences, {:.1} % filled", fill * 100.0)
    }
}
