//! New models: a byte-level BPE tokenizer trained on a corpus, a ChatML template, and random weights, in a
//! folder that transformers and vLLM load like published ones.

mod bpe;
mod companions;
mod sizes;

use std::path::Path;

use tch::{Device, Kind};

use crate::corpus::{Content, Corpus, Item};
use crate::model::{Model, ModelType, Source, folder};
use crate::weights::MAX_SHARD_BYTES;
use crate::{Error, Result, check_vacant};

pub use sizes::Sizes;

/// Options of a new model.
#[derive(Clone, Debug)]
pub struct Options {
    /// The model's family.
    pub model_type: ModelType,
    /// The model's sizes; the vocabulary may turn out smaller.
    pub sizes: Sizes,
    /// Regexes (Oniguruma) that split a text before byte pairs are merged, applied one after the other; no
    /// token crosses the border of a match. Empty: words, numbers of up to three digits, punctuation,
    /// whitespace. A `qwen2` has Qwen2's own.
    pub split: Vec<String>,
    /// Standard deviation of the weights.
    pub init_std: f64,
    /// Seed of the weights.
    pub seed: i64,
}

/// Facts about a new model.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Created {
    /// Size of the vocabulary; smaller than requested if the text has no more recurring pairs.
    pub vocab_size: i64,
    /// Number of weights; a tied head counts once.
    pub parameters: i64,
}

/// Trains a tokenizer on a corpus, and saves it with a random model into a new folder. The same corpus and
/// options give the same bytes.
///
/// # Errors
/// [`Error::Flag`] for sizes that are out of bounds or inconsistent, and for an invalid regex;
/// [`Error::Empty`] for an empty corpus.
pub fn run(options: &Options, corpus: &Corpus, out: &Path) -> Result<Created> {
    let mut sizes = options.sizes.clone();
    sizes.check(options.model_type)?;
    if !(options.init_std > 0.0 && options.init_std.is_finite()) {
        let problem = format!("must be above zero, is {}", options.init_std);
        return Err(Error::flag("--init-std", problem));
    }
    if corpus.items.is_empty() {
        return Err(Error::Empty { problem: "no source holds a conversation or text".to_owned() });
    }
    check_vacant(out)?;
    let texts = corpus.items.iter().flat_map(texts);
    let tokenizer = bpe::train(texts, sizes.vocab_size, options.model_type, &options.split)?;

    sizes.vocab_size = tokenizer.get_vocab_size(true) as i64;
    tch::manual_seed(options.seed);
    let mut weights = Source::random(options.init_std, Kind::Float, Device::Cpu);
    let model = Model::new(sizes.config(options.model_type, options.init_std), &mut weights)?;
    folder::save(&model, out, MAX_SHARD_BYTES)?;
    companions::write(&tokenizer, &sizes, out)?;
    let parameters = model.tensors().iter().map(|(_, tensor)| tensor.numel() as i64).sum();
    Ok(Created { vocab_size: sizes.vocab_size, parameters })
}

/// The training texts of the tokenizer: rendered as the template does, except for special tokens, which no
/// pair crosses.
fn texts(item: &Item) -> Vec<String> {
    match &item.content {
        Content::Text(text) => vec![text.clone()],
        Content::Conversation { messages, .. } => {
            messages.iter().map(|message| format!("{}\n{}", message.role.name(), message.content)).collect()
        }
    }
}
