//! The counts of a preparation, and their summary for people.

use proto::dataset::{Lengths, Packing, Statistics};

use super::Fit;
use crate::corpus::Corpus;
use crate::dataset::Dataset;
use crate::train::batches;

/// Counts what becomes of the items of a corpus.
pub struct Tally(Statistics);

impl Tally {
    /// Begins with what was excluded or skipped while reading.
    pub fn new(corpus: &Corpus) -> Self {
        let mut dropped = corpus.left_out.clone();
        if !corpus.bad.is_empty() {
            dropped.insert("not understood".to_owned(), corpus.bad.len());
        }
        let read = corpus.items.len() + dropped.values().sum::<usize>();
        Self(Statistics { read, dropped, ..Statistics::default() })
    }

    /// Counts a conversation.
    pub fn count(&mut self, fit: &Fit) {
        match fit {
            Fit::Whole(_) => self.0.kept += 1,
            Fit::Cut { answers, .. } => {
                self.0.cut += 1;
                self.0.answers_cut += answers;
            }
            Fit::TooLong => self.drop("too long up to its first answer"),
            Fit::NoAnswer => self.drop("no answer"),
        }
    }

    /// Counts a conversation that became samples of recorded tokens.
    pub fn count_recorded(&mut self, samples: &[Fit]) {
        let kept: Vec<&Fit> = samples.iter().filter(|fit| fit.encoded().is_some()).collect();
        if kept.is_empty() {
            return self.count(samples.first().unwrap_or(&Fit::NoAnswer));
        }
        self.0.recorded += 1;
        let cut: usize =
            (kept.iter()).map(|fit| if let Fit::Cut { answers, .. } = fit { *answers } else { 0 }).sum();
        self.0.answers_cut += cut;
        match cut {
            0 => self.0.kept += 1,
            _ => self.0.cut += 1,
        }
    }

    /// Counts a document that became this number of samples.
    pub fn count_document(&mut self, pieces: usize) {
        match pieces {
            0 => self.drop("nothing to predict"),
            _ => self.0.kept += 1,
        }
    }

    fn drop(&mut self, reason: &str) {
        *self.0.dropped.entry(reason.to_owned()).or_default() += 1;
    }

    /// The counts so far, in a line.
    pub fn summary(&self) -> String {
        summary(&self.0)
    }

    /// Completes the statistics with the measures of the samples.
    pub fn finish(self, dataset: &Dataset, sequence_len: usize) -> Statistics {
        let mut lengths: Vec<usize> = dataset.samples().map(|sample| sample.tokens.len()).collect();
        lengths.sort_unstable();
        let percentile = |percent: usize| lengths[(lengths.len() * percent).div_ceil(100).max(1) - 1];
        let tokens = lengths.iter().sum();
        let targets = dataset.samples().map(|sample| sample.targets.iter().filter(|target| **target).count());
        let order: Vec<usize> = (0..lengths.len()).collect();
        let sequences = batches::pack(&order, &lengths, sequence_len).len();
        let fill = tokens as f64 / (sequences * sequence_len) as f64;
        Statistics {
            samples: lengths.len(),
            tokens,
            target_tokens: targets.sum(),
            lengths: Lengths {
                min: percentile(0),
                p25: percentile(25),
                p50: percentile(50),
                p75: percentile(75),
                p90: percentile(90),
                p99: percentile(99),
                max: percentile(100),
            },
            packing: Packing { sequences, fill },
            ..self.0
        }
    }
}

/// The number of items that were read, kept, cut and dropped, in a line.
fn summary(statistics: &Statistics) -> String {
    let Statistics { read, kept, cut, dropped, .. } = statistics;
    let dropped: Vec<String> =
        dropped.iter().map(|(reason, count)| format!("{count} dropped ({reason})")).collect();
    let dropped = if dropped.is_empty() { "none dropped".to_owned() } else { dropped.join(", ") };
    format!("{read} read, {kept} kept whole, {cut} cut, {dropped}")
}

/// Statistics for people, one fact per line.
pub fn describe(statistics: &Statistics) -> String {
    let Statistics { recorded, answers_cut, samples, tokens, target_tokens, .. } = statistics;
    let Lengths { min, p25, p50, p75, p90, p99, max } = statistics.lengths;
    let Packing { sequences, fill } = statistics.packing;
    let share = 100.0 * *target_tokens as f64 / (*tokens).max(1) as f64;
    let mut lines = vec![summary(statistics)];
    if *recorded > 0 {
        lines.push(format!("{recorded} of them by the tokens that their traces recorded"));
    }
    if *answers_cut > 0 {
        lines.push(format!("{answers_cut} answers cut off"));
    }
    lines.extend([
        format!("{samples} samples, {tokens} tokens, {target_tokens} of them bear loss ({share:.1} %)"),
        format!(
            "tokens per sample: min {min}, 25 % {p25}, median {p50}, 75 % {p75}, 90 % {p90}, 99 % {p99}, max {max}"
        ),
        format!("packed: about {sequences} sequences, {:.1} % filled", fill * 100.0),
    ]);
    lines.join("\n")
}
