//! Over-long conversations are cut at the end: system prompts and task stay, and the last turn is the model's.

use super::encode::{Encoded, encode};
use crate::Result;
use crate::chat::{Message, Rendering, Role};
use crate::tokenizer::Tokenizer;

/// What became of a conversation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fit {
    /// It fits.
    Whole(Encoded),
    /// Without its last turns, it fits.
    Cut {
        /// What is left.
        encoded: Encoded,
        /// How many answers are not.
        answers: usize,
    },
    /// Not even its first answer fits.
    TooLong,
    /// The model says nothing in it.
    NoAnswer,
}

/// A conversation as a sample of at most `limit` tokens. What follows the last answer teaches nothing, and goes
/// first.
pub fn fit(tokenizer: &Tokenizer, messages: &[Message], rendering: Rendering, limit: usize) -> Result<Fit> {
    let answers: Vec<usize> =
        (0..messages.len()).filter(|number| messages[*number].role == Role::Assistant).collect();
    let mut kept = answers.len();
    while kept > 0 {
        let encoded = encode(tokenizer, &messages[..=answers[kept - 1]], rendering)?;
        if encoded.tokens.len() <= limit {
            return Ok(match answers.len() - kept {
                0 => Fit::Whole(encoded),
                answers => Fit::Cut { encoded, answers },
            });
        }
        // As many as end in time here. Cut there, the template may write more than it does in the middle.
        kept = encoded.ends.partition_point(|end| *end <= limit).min(kept - 1);
    }
    Ok(if answers.is_empty() { Fit::NoAnswer } else { Fit::TooLong })
}
