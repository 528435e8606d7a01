//! A byte-level BPE tokenizer, trained on given texts.

use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use crate::model::ModelType;
use crate::{Error, Result};

/// A special token.
pub struct Special {
    pub id: i64,
    pub text: &'static str,
}

/// Ends a document; also used for padding.
pub const END_OF_TEXT: Special = Special { id: 0, text: "<|endoftext|>" };
/// Begins a turn.
pub const IM_START: Special = Special { id: 1, text: "<|im_start|>" };
/// Ends a turn.
pub const IM_END: Special = Special { id: 2, text: "<|im_end|>" };

pub const SPECIALS: [Special; 3] = [END_OF_TEXT, IM_START, IM_END];

/// The smallest vocabulary: the special tokens and every byte.
pub const SMALLEST: i64 = 256 + SPECIALS.len() as i64;

/// Words with a preceding space or punctuation mark, numbers of up to three digits, punctuation, line breaks,
/// whitespace: essentially the pattern of GPT-4's and Qwen's tokenizers.
const SPLIT: &str = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The pattern of Qwen2's tokenizer: also English contractions, and numbers digit by digit. transformers 5 applies it, and
/// NFC, to the tokenizer of every `qwen2`.
const QWEN2_SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Trains a tokenizer of at most `vocab_size` tokens. Pairs are merged in the order of their frequency, ties
/// by their ids, so the same texts give the same tokenizer.
pub fn train(
    texts: impl Iterator<Item = String> + Send,
    vocab_size: i64,
    model_type: ModelType,
    split: &[String],
) -> Result<Tokenizer> {
    let is_qwen2 = model_type == ModelType::Qwen2;
    let mut steps: Vec<PreTokenizerWrapper> = match split {
        [] if is_qwen2 => vec![split_by(QWEN2_SPLIT)?],
        [] => vec![split_by(SPLIT)?],
        _ if is_qwen2 => {
            let problem =
                "is not for a qwen2: transformers splits the texts of every one by Qwen2's own regex";
            return Err(Error::flag("--split", problem));
        }
        patterns => patterns.iter().map(|pattern| split_by(pattern)).collect::<Result<_>>()?,
    };
    // No prefix space, and no regex of its own: only the mapping of bytes to characters.
    let bytes = ByteLevel::new(false, false, false);
    steps.push(bytes.into());

    let mut tokenizer = Tokenizer::new(BPE::default());
    let normalised = tokenizer.with_normalizer(is_qwen2.then_some(NFC));
    normalised.map_err(|error| Error::flag("--model-type", error.to_string()))?;
    tokenizer.with_pre_tokenizer(Some(Sequence::new(steps)));
    tokenizer.with_decoder(Some(bytes));
    let specials = SPECIALS.map(|special| AddedToken::from(special.text, true));
    let trainer = BpeTrainer::builder()
        .vocab_size(usize::try_from(vocab_size).unwrap_or_default())
        .special_tokens(specials.to_vec())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        // The library prints progress to standard output.
        .show_progress(false)
        .build();
    let mut trainer = TrainerWrapper::BpeTrainer(trainer);
    let trained = tokenizer.train::<TrainerWrapper, _, _>(&mut trainer, texts);
    trained.map_err(|error| Error::flag("--vocab-size", error.to_string()))?;
    Ok(tokenizer)
}

fn split_by(pattern: &str) -> Result<PreTokenizerWrapper> {
    let split = Split::new(SplitPattern::Regex(pattern.to_owned()), SplitDelimiterBehavior::Isolated, false);
    split.map(Into::into).map_err(|error| Error::flag("--split", format!("{pattern:?}: {error}")))
}
