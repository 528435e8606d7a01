//! The token ids that a trace recorded of each model call.

use proto::trace::{EventKind, Trace};

/// A model call with its tokens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    /// Ids of the whole prompt.
    pub prompt: Vec<i64>,
    /// Ids of the answer.
    pub answer: Vec<i64>,
    /// The answer's text.
    pub text: String,
}

/// The calls of a trace, in order; none if a turn lacks its tokens.
///
/// # Errors
/// What is wrong with the recorded tokens.
pub fn calls(trace: &Trace) -> Result<Vec<Call>, String> {
    let mut calls: Vec<Call> = Vec::new();
    let mut before: Vec<u32> = Vec::new();
    // The call whose turn follows.
    let mut open = None;
    for event in &trace.events {
        match &event.kind {
            EventKind::ModelResponseEvent(response) => {
                let Some(tokens) = &response.tokens else { return Ok(Vec::new()) };
                let prompt = tokens.whole_prompt(&before).ok_or_else(|| {
                    format!(
                        "`tokens.seen` is {}, but the call before has {} tokens",
                        tokens.seen,
                        before.len()
                    )
                })?;
                before = [prompt.as_slice(), &tokens.answer].concat();
                open = Some((prompt, &tokens.answer));
            }
            EventKind::StepEvent(step) => {
                if let Some((prompt, answer)) = open.take() {
                    let signed = |ids: &[u32]| ids.iter().map(|id| i64::from(*id)).collect();
                    calls.push(Call {
                        prompt: signed(&prompt),
                        answer: signed(answer),
                        text: step.assistant_text.clone(),
                    });
                }
            }
            _ => {}
        }
    }
    Ok(calls)
}
