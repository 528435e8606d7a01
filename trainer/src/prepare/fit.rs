//! Over-long conversations are cut at the end: system prompts and task are kept, and the last message is the
//! model's.

use proto::conversation::{Message, Role};

use super::loss_mask::{Encoded, encode};
use crate::Result;
use crate::chat::Rendering;
use crate::tokenizer::Tokenizer;

/// A conversation, fitted to a length.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fit {
    /// All of it fits.
    Whole(Encoded),
    /// It fits without its last turns.
    Cut {
        /// The part that is kept.
        encoded: Encoded,
        /// The number of answers that were cut off.
        answers: usize,
    },
    /// It does not fit up to the end of its first answer.
    TooLong,
    /// It has no answer of the model.
    NoAnswer,
}

impl Fit {
    /// What is kept.
    pub fn encoded(&self) -> Option<&Encoded> {
        match self {
            Self::Whole(encoded) | Self::Cut { encoded, .. } => Some(encoded),
            Self::TooLong | Self::NoAnswer => None,
        }
    }
}

/// Fits a conversation into `limit` tokens. Messages after the last answer bear no loss and are always cut.
///
/// # Errors
/// Those of [`encode`].
pub fn fit(
    tokenizer: &Tokenizer,
    messages: &[Message],
    rendering: Rendering<'_>,
    limit: usize,
) -> Result<Fit> {
    let answers: Vec<usize> =
        (0..messages.len()).filter(|number| messages[*number].role == Role::Assistant).collect();
    let mut kept = answers.len();
    while kept > 0 {
        let encoded = encode(tokenizer, &messages[..=answers[kept - 1]], rendering)?;
        if encoded.ends.is_empty() {
            return Ok(Fit::NoAnswer);
        }
        if encoded.tokens.len() <= limit {
            return Ok(match answers.len() - kept {
                0 => Fit::Whole(encoded),
                answers => Fit::Cut { encoded, answers },
            });
        }
        // As many answers as end within the limit. The template may render the last answer longer than one in
        // the middle, so the result is encoded and checked again.
        kept = match encoded.ends.len() == kept {
            true => encoded.ends.partition_point(|end| *end <= limit).min(kept - 1),
            false => kept - 1, // the template marks more or fewer parts than there are answers
        };
    }
    Ok(if answers.is_empty() { Fit::NoAnswer } else { Fit::TooLong })
}
