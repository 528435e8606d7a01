//! The tokens of a conversation, and which of them bear loss.

use proto::conversation::{Message, Role};

use super::answer_spans;
use crate::chat::Rendering;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

/// A conversation as a sample.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Encoded {
    /// The tokens of the whole text, as the template renders it.
    pub tokens: Vec<i64>,
    /// For each token, whether it is part of an answer or ends one.
    pub targets: Vec<bool>,
    /// For each answer, or part of one that the template marks, the number of tokens up to its end, including
    /// its end token.
    pub ends: Vec<usize>,
}

/// Encodes a conversation. The whole text is tokenised at once, as it is for generation. A token belongs to
/// an answer if it begins in it. A token that begins before the answer and reaches into it does not, because
/// the prompt cannot end within a token.
///
/// # Errors
/// [`Error::Conversation`] if the template refuses it, or if an answer is not followed by an end token: a
/// model trained on that would not learn to stop. Where the template itself marks answers, in several parts
/// perhaps, the last part must hold an end token or be followed by one.
pub fn encode(tokenizer: &Tokenizer, messages: &[Message], rendering: Rendering<'_>) -> Result<Encoded> {
    let (text, answers) = answer_spans::render(tokenizer, messages, rendering)?;
    let marked = tokenizer.template().marks_answers();
    let (tokens, offsets) = tokenizer.encode_with_offsets(&text)?;
    let begins_before = |position: usize| offsets.partition_point(|(start, _)| *start < position);
    let mut targets = vec![false; tokens.len()];
    let mut ends = vec![];
    let is_end = |id: &i64| tokenizer.end_ids().contains(id);
    let parts = answers.len();
    let calls: Vec<bool> = (messages.iter().filter(|message| message.role == Role::Assistant))
        .map(|message| !message.tool_calls.is_empty())
        .collect();
    for (number, answer) in answers.into_iter().enumerate() {
        let (start, mut end) = (begins_before(answer.start), begins_before(answer.end));
        if !marked && calls.get(number) == Some(&true) {
            // The template writes the calls behind the text.
            end += tokens[end..].iter().position(is_end).unwrap_or(0);
        }
        let ends_within = marked && tokens[start..end].iter().any(is_end);
        if !ends_within && tokens.get(end).is_some_and(is_end) {
            end += 1;
        } else if !ends_within && (!marked || number + 1 == parts) {
            return Err(no_end(tokenizer, tokens.get(end))?);
        }
        targets[start..end].fill(true);
        ends.push(end);
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
