//! From a corpus to samples: token ids, and which of them bear loss.
//!
//! | file           | what it holds                                                |
//! |----------------|--------------------------------------------------------------|
//! | `answer_spans` | where the answers of a conversation are in its rendered text |
//! | `loss_mask`    | a conversation's tokens, and which of them bear loss         |
//! | `recorded`     | samples of the token ids that a trace recorded               |
//! | `fit`          | over-long conversations are cut at the end                   |
//! | `statistics`   | the counts of what was kept, cut and dropped                 |
//!
//! In a conversation, the tokens of the model's answers bear loss, including the token that ends each answer;
//! in a text, all tokens do. Everything that is cut or dropped is counted.

mod answer_spans;
mod fit;
mod loss_mask;
mod recorded;
mod statistics;

use std::path::Path;

use proto::dataset::{Provenance, Statistics};

use self::statistics::Tally;
use crate::chat::Rendering;
use crate::corpus::{Content, Corpus};
use crate::dataset::{Dataset, record};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, new_folder};

pub use fit::{Fit, fit};
pub use loss_mask::{Encoded, encode};
pub use statistics::describe;

/// How samples are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Most tokens of a sample.
    pub sequence_len: usize,
    /// Passed to the chat template as `enable_thinking`; `None`: as each trace's agent did, and undefined for others.
    pub enable_thinking: Option<bool>,
}

/// Makes samples of a corpus, in its order; `progress` is called after each item.
///
/// # Errors
/// [`Error::Item`] for a conversation that the template refuses, or in which no end token follows an answer;
/// [`Error::Empty`] if there are no samples.
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
    let mut dataset = Dataset::default();
    let mut tally = Tally::new(corpus);
    for item in &corpus.items {
        let wrong = |reason| Error::Item { origin: item.origin.clone(), reason: Box::new(reason) };
        match &item.content {
            Content::Conversation { recorded, .. }
                if options.enable_thinking.is_none()
                    && recorded::is_of(tokenizer, recorded).map_err(wrong)? =>
            {
                let samples = recorded::samples(tokenizer, recorded, options.sequence_len);
                tally.count_recorded(&samples);
                for encoded in samples.iter().filter_map(Fit::encoded) {
                    dataset.push(&encoded.tokens, &encoded.targets);
                }
            }
            Content::Conversation { messages, tools, enable_thinking, .. } => {
                let enable_thinking = options.enable_thinking.or(*enable_thinking);
                let rendering = Rendering { add_generation_prompt: false, enable_thinking, tools };
                let fit = fit(tokenizer, messages, rendering, options.sequence_len).map_err(wrong)?;
                tally.count(&fit);
                if let Some(encoded) = fit.encoded() {
                    dataset.push(&encoded.tokens, &encoded.targets);
                }
            }
            Content::Text(text) => {
                let pieces = document(tokenizer, text, options.sequence_len).map_err(wrong)?;
                tally.count_document(pieces.len());
                pieces.iter().for_each(|piece| dataset.push(piece, &vec![true; piece.len()]));
            }
        }
        progress();
    }
    if dataset.is_empty() {
        return Err(Error::Empty { problem: tally.summary() });
    }
    let statistics = tally.finish(&dataset, options.sequence_len);
    Ok((dataset, statistics))
}

/// Writes samples and their record into a new folder. The record is written last: a folder that has one is
/// complete.
///
/// # Errors
/// If the folder is not empty, or a file cannot be written.
pub fn write(out: &Path, dataset: &Dataset, statistics: Statistics, provenance: Provenance) -> Result<()> {
    new_folder(out)?;
    dataset.write(out)?;
    record::write(&record::new(out, provenance, statistics)?, out)
}

/// The tokens of a text, with those that the tokenizer adds, and an end token, in pieces that fit. A last piece of one token is left out: it has
/// no token to predict.
fn document(tokenizer: &Tokenizer, text: &str, sequence_len: usize) -> Result<Vec<Vec<i64>>> {
    let mut tokens = tokenizer.encode_with_special_tokens(text)?;
    tokens.extend(tokenizer.document_end_id());
    Ok(tokens.chunks(sequence_len).filter(|piece| piece.len() > 1).map(<[i64]>::to_vec).collect())
}
