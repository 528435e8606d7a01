//! Samples of the token ids that were recorded while an episode was played: the very tokens that the model read and wrote,
//! whatever the chat template would make of their text.
//!
//! Calls whose prompts continue each other become one sample; a prompt that does not continue the call before begins
//! another. Answers bear loss, each in one sample only, and an answer without an end token, because it was cut off, bears
//! none.

use super::fit::Fit;
use super::loss_mask::Encoded;
use crate::Result;
use crate::corpus::Call;
use crate::tokenizer::Tokenizer;

/// Whether recorded ids are those of this tokenizer: the answers read as their texts.
///
/// # Errors
/// If the tokenizer fails.
pub fn is_of(tokenizer: &Tokenizer, calls: &[Call]) -> Result<bool> {
    let mut compared = false;
    for call in calls.iter().filter(|call| !call.text.trim().is_empty()) {
        compared = true;
        if !knows(tokenizer, &call.answer)
            || !tokenizer.decode(&call.answer, true)?.contains(call.text.trim())
        {
            return Ok(false);
        }
    }
    Ok(compared && calls.iter().all(|call| knows(tokenizer, &call.prompt)))
}

fn knows(tokenizer: &Tokenizer, ids: &[i64]) -> bool {
    ids.iter().all(|id| (0..tokenizer.vocabulary_size() as i64).contains(id))
}

/// The samples of an episode's calls, each cut to `limit` tokens behind an answer.
pub fn samples(tokenizer: &Tokenizer, calls: &[Call], limit: usize) -> Vec<Fit> {
    let mut runs: Vec<Encoded> = Vec::new();
    for call in calls {
        if !runs.last().is_some_and(|run| call.prompt.starts_with(&run.tokens)) {
            runs.push(Encoded { tokens: Vec::new(), targets: Vec::new(), ends: Vec::new() });
        }
        let Some(run) = runs.last_mut() else { continue };
        run.tokens.extend(&call.prompt[run.tokens.len()..]);
        run.targets.resize(run.tokens.len(), false);
        let bears_loss = call.answer.last().is_some_and(|last| tokenizer.end_ids().contains(last));
        run.tokens.extend(&call.answer);
        run.targets.resize(run.tokens.len(), bears_loss);
        if bears_loss {
            run.ends.push(run.tokens.len());
        }
    }
    runs.into_iter().map(|run| cut(run, limit)).collect()
}

/// A sample without what stands behind its last answer that ends within the limit.
fn cut(mut run: Encoded, limit: usize) -> Fit {
    let answers = run.ends.len();
    run.ends.retain(|end| *end <= limit);
    let Some(end) = run.ends.last().copied() else {
        return if answers == 0 { Fit::NoAnswer } else { Fit::TooLong };
    };
    run.tokens.truncate(end);
    run.targets.truncate(end);
    match answers - run.ends.len() {
        0 => Fit::Whole(run),
        answers => Fit::Cut { encoded: run, answers },
    }
}
