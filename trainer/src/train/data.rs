//! The samples of a training, checked, and split into those to train on and those held out for evaluation.

use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Config, Failure};
use crate::dataset::{Dataset, record};
use crate::{Error, Result};

/// Stream of the random generator that chooses the held-out samples; epochs use the streams from zero.
pub const SPLIT: u64 = u64::MAX;

/// The samples of a training.
pub struct Data {
    /// The samples to train on.
    pub train: Dataset,
    /// The samples held out for evaluation.
    pub validation: Dataset,
}

impl Data {
    /// Reads all datasets of a config, for a model with this size of vocabulary. Samples without targets are
    /// left out.
    ///
    /// # Errors
    /// If a dataset cannot be read or does not fit the model or the config, or if no samples remain to train
    /// on.
    pub fn read(config: &Config, vocabulary: i64) -> Result<Self> {
        let mut all = Dataset::default();
        for entry in &config.datasets {
            let dataset = Dataset::read(&entry.path)?;
            record::check_tokenizer(&entry.path, &config.base_model)?;
            check(&dataset, &entry.path, config, vocabulary)?;
            let with_targets =
                dataset.samples().filter(|sample| sample.targets.iter().skip(1).any(|target| *target));
            with_targets.for_each(|sample| all.push(sample.tokens, sample.targets));
        }

        let mut order: Vec<usize> = (0..all.len()).collect();
        let mut random = ChaCha8Rng::seed_from_u64(config.seed);
        random.set_stream(SPLIT);
        order.shuffle(&mut random);
        let held_out = held_out(config, all.len());
        if held_out >= all.len() {
            let learnable = all.len();
            let problem = format!(
                "nothing to train on: the datasets have {learnable} samples with something to learn, and \
                 `val_set_size` holds out {held_out}"
            );
            return Err(Failure::Samples { problem }.into());
        }
        let (validation, train) = order.split_at_mut(held_out);
        train.sort_unstable();
        let choose = |numbers: &[usize]| {
            let mut chosen = Dataset::default();
            numbers.iter().map(|number| all.sample(*number)).for_each(|s| chosen.push(s.tokens, s.targets));
            chosen
        };
        Ok(Self { train: choose(train), validation: choose(validation) })
    }
}

/// How many of `count` samples or tasks a config holds out.
pub fn held_out(config: &Config, count: usize) -> usize {
    match config.val_set_size {
        share if share < 1.0 => (share * count as f64).ceil() as usize,
        number => number as usize,
    }
}

fn check(dataset: &Dataset, folder: &Path, config: &Config, vocabulary: i64) -> Result<()> {
    let refuse = |problem: String| {
        let problem = format!("{}: {problem}", folder.display());
        Err(Error::from(Failure::Samples { problem }))
    };
    let limit = config.sequence_len;
    let long = dataset.samples().filter(|sample| sample.tokens.len() > limit).count();
    if long > 0 {
        let longest = dataset.samples().map(|sample| sample.tokens.len()).max().unwrap_or(0);
        return refuse(format!(
            "{long} of {} samples are longer than `sequence_len` ({limit} tokens), the longest has {longest}; raise \
             it, or let `trainer prepare` cut them",
            dataset.len()
        ));
    }
    let unknown = |id: &&i64| !(0..vocabulary).contains(*id);
    match dataset.samples().flat_map(|sample| sample.tokens).find(unknown) {
        Some(id) => refuse(format!(
            "token id {id} is not one of the model's {vocabulary}; prepare the data with `base_model`'s tokenizer"
        )),
        None => Ok(()),
    }
}
