//! The samples of a training, checked, and those of them that are kept back for evaluation.

use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Config, Failure};
use crate::dataset::{Dataset, RECORD};
use crate::json::Object;
use crate::tokenizer::TOKENIZER;
use crate::{Error, Result, digest};

/// Stream of the generator that chooses what is kept back; epochs count from zero.
const SPLIT: u64 = u64::MAX;

/// What is learnt, and what is only evaluated.
pub struct Data {
    /// For training.
    pub train: Dataset,
    /// For evaluation.
    pub validation: Dataset,
}

impl Data {
    /// Reads all datasets of a config, for a model of this many token ids. Samples in which nothing is to be learnt
    /// are left out.
    pub fn read(config: &Config, vocabulary: i64) -> Result<Self> {
        let mut all = Dataset::default();
        for entry in &config.datasets {
            let dataset = Dataset::read(&entry.path)?;
            check_tokenizer(&entry.path, &config.base_model)?;
            check(&dataset, &entry.path, config, vocabulary)?;
            let learnt =
                dataset.samples().filter(|sample| sample.targets.iter().skip(1).any(|target| *target));
            learnt.for_each(|sample| all.push(sample.tokens, sample.targets));
        }

        let mut order: Vec<usize> = (0..all.len()).collect();
        let mut random = ChaCha8Rng::seed_from_u64(config.seed);
        random.set_stream(SPLIT);
        order.shuffle(&mut random);
        let kept_back = match config.val_set_size {
            share if share < 1.0 => (share * all.len() as f64).ceil() as usize,
            number => number as usize,
        };
        if kept_back >= all.len() {
            let learnable = all.len();
            let problem = format!(
                "nothing to train on: the datasets have {learnable} samples with something to learn, and \
                 `val_set_size` keeps back {kept_back}"
            );
            return Err(Failure::Samples { problem }.into());
        }
        let (validation, train) = order.split_at_mut(kept_back);
        train.sort_unstable();
        let choose = |numbers: &[usize]| {
            let mut chosen = Dataset::default();
            numbers.iter().map(|number| all.sample(*number)).for_each(|s| chosen.push(s.tokens, s.targets));
            chosen
        };
        Ok(Self { train: choose(train), validation: choose(validation) })
    }
}

/// The ids of another tokenizer would mean other texts.
fn check_tokenizer(folder: &Path, model: &Path) -> Result<()> {
    let record = Object::read(&folder.join(RECORD))?;
    let made_by: Option<String> = record.optional("tokenizer_sha256")?;
    let tokenizer = model.join(TOKENIZER);
    match made_by {
        Some(sha256) if tokenizer.exists() && digest::file(&tokenizer)? != sha256 => {
            let problem = format!("is not that of {}; prepare the data with it", tokenizer.display());
            Err(record.error("tokenizer_sha256", problem))
        }
        _ => Ok(()),
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
