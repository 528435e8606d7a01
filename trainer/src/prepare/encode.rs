//! A conversation's tokens, and which of them bear loss.

use super::answers;
use crate::chat::{Message, Rendering};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

/// A conversation as a sample.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Encoded {
    /// Of the whole text, as the template renders it.
    pub tokens: Vec<i64>,
    /// Whether a token is part of an answer, or ends one.
    pub targets: Vec<bool>,
    /// How many tokens there are up to the end of each answer, its end token included.
    pub ends: Vec<usize>,
}

/// The whole text is tokenised at once, as it is when the model is asked. A token belongs to an answer if it begins
/// in it; one that begins before the answer and reaches into it does not: the model would have to be given half of
/// it.
///
/// # Errors
/// [`Error::Conversation`] if the template refuses it, or writes something other than an end token behind an answer:
/// a model that learnt that would not know how to stop.
pub fn encode(tokenizer: &Tokenizer, messages: &[Message], rendering: Rendering) -> Result<Encoded> {
    let (text, answers) = answers::render(tokenizer, messages, rendering)?;
    let (tokens, offsets) = tokenizer.encode_with_offsets(&text)?;
    let begins_before = |position: usize| offsets.partition_point(|(start, _)| *start < position);
    let mut targets = vec![false; tokens.len()];
    let mut ends = vec![];
    for answer in answers {
        let end = begins_before(answer.end);
        if !tokens.get(end).is_some_and(|id| tokenizer.end_ids().contains(id)) {
            return Err(no_end(tokenizer, tokens.get(end))?);
        }
        targets[begins_before(answer.start)..=end].fill(true);
        ends.push(end + 1);
    }
    Ok(Encoded { tokens, targets, ends })
}

fn no_end(tokenizer: &Tokenizer, found: Option<&i64>) -> Result<Error> {
    let found = match found {
        Some(id) => format!("token {id}, {:?},", tokenizer.decode(&[*id], false)?),
        None => "nothing".to_owned(),
    };
    let problem = format!(
        "behind an answer comes {found} and not one of the ids {:?} that end answers: add it to `eos_token_id` in \
         generation_config.json, or mend the template",
        tokenizer.end_ids()
    );
    Ok(Error::Conversation { problem })
}
