//! From a corpus to samples: token ids, and which of them bear loss.
//!
//! In a conversation those of the model's answers do, each with the token that ends it; in a text, all. What does
//! not fit the sequence length is cut (`fit`), and what cannot be is dropped and counted: nothing goes missing
//! unsaid.

mod answers;
mod encode;
mod fit;
mod statistics;

use std::path::Path;

use crate::chat::Rendering;
use crate::corpus::{Content, Corpus};
use crate::dataset::{Dataset, Provenance, Record};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, new_folder};

pub use encode::{Encoded, encode};
pub use fit::{Fit, fit};
pub use statistics::{Lengths, Packing, Statistics};

/// How samples are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Most tokens of a sample.
    pub sequence_len: usize,
    /// Handed to the chat template as `enable_thinking`.
    pub enable_thinking: Option<bool>,
}

/// Makes samples of a corpus, in its order; `progress` is told after each item.
///
/// # Errors
/// [`Error::Item`] for a conversation that the template refuses, or after whose answers no end token stands;
/// [`Error::Empty`] if no sample comes of it.
pub fn run(
    corpus: &Corpus,
    tokenizer: &Tokenizer,
    options: &Options,
    mut progress: impl FnMut(),
) -> Result<(Dataset, Statistics)> {
    if options.sequence_len < 2 {
        let problem = format!("must be at least 2, is {}", options.sequence_len);
        return Err(Error::flag("--sequence-len", problem));
    }
    let rendering = Rendering { add_generation_prompt: false, enable_thinking: options.enable_thinking };
    let mut dataset = Dataset::default();
    let mut statistics = Statistics::new(corpus);
    for item in &corpus.items {
        let wrong = |reason| Error::Item { origin: item.origin.clone(), reason: Box::new(reason) };
        match &item.content {
            Content::Conversation(messages) => {
                let fit = fit(tokenizer, messages, rendering, options.sequence_len).map_err(wrong)?;
                statistics.count(&fit);
                if let Fit::Whole(encoded) | Fit::Cut { encoded, .. } = fit {
                    dataset.push(&encoded.tokens, &encoded.targets);
                }
            }
            Content::Text(text) => {
                let pieces = document(tokenizer, text, options.sequence_len).map_err(wrong)?;
                statistics.count_document(pieces.len());
                pieces.iter().for_each(|piece| dataset.push(piece, &vec![true; piece.len()]));
            }
        }
        progress();
    }
    if dataset.is_empty() {
        return Err(Error::Empty { problem: statistics.whereabouts() });
    }
    statistics.measure(&dataset, options.sequence_len);
    Ok((dataset, statistics))
}

/// Writes samples and their record into a new folder; the record last.
pub fn write(out: &Path, dataset: &Dataset, statistics: Statistics, provenance: Provenance) -> Result<()> {
    new_folder(out)?;
    dataset.write(out)?;
    Record::new(out, provenance, statistics)?.write(out)
}

/// A text's tokens and the one that ends it, in pieces that fit. A last piece of one token has nothing to predict, and
/// is left out.
fn document(tokenizer: &Tokenizer, text: &str, sequence_len: usize) -> Result<Vec<Vec<i64>>> {
    let mut tokens = tokenizer.encode(text)?;
    tokens.extend(tokenizer.document_end_id());
    Ok(tokens.chunks(sequence_len).filter(|piece| piece.len() > 1).map(<[i64]>::to_vec).collect())
}
