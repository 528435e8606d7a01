//! The tokens of an episode, and which of them the model wrote.

use serde::{Deserialize, Serialize};

use crate::trace::{EventKind, Trace};

/// Tokens as the engine read and wrote them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Sequence {
    /// Token ids: prompts and answers, in order.
    pub tokens: Vec<u32>,
    /// The parts that the model wrote in the turns that count, in order.
    pub written: Vec<Written>,
}

/// A part of a sequence that the model wrote.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Written {
    /// Where it begins in the sequence.
    pub start: usize,
    /// Natural logarithm of the probability with which each of its tokens was drawn.
    pub logprobs: Vec<f32>,
}

impl Sequence {
    /// The sequences of a trace whose calls recorded their tokens. A prompt that continues the call before belongs to the
    /// same sequence, another prompt begins a new one. Only answers from the event `first_event` on count as written, and
    /// sequences without such an answer are left out.
    ///
    /// # Errors
    /// What the trace lacks.
    pub fn of(trace: &Trace, first_event: usize) -> Result<Vec<Self>, String> {
        let mut sequences: Vec<Self> = Vec::new();
        let mut before: Vec<u32> = Vec::new();
        for (number, event) in trace.events.iter().enumerate() {
            let EventKind::ModelResponseEvent(response) = &event.kind else { continue };
            let tokens = response.tokens.as_ref().ok_or("a call did not record its tokens")?;
            let prompt =
                tokens.whole_prompt(&before).ok_or("`tokens.seen` is more than the call before has")?;
            if tokens.logprobs.len() != tokens.answer.len() {
                let (have, need) = (tokens.logprobs.len(), tokens.answer.len());
                return Err(format!("a call recorded {have} log-probabilities of {need} tokens"));
            }
            before = [prompt.as_slice(), &tokens.answer].concat();
            match sequences.last_mut().filter(|last| prompt.starts_with(&last.tokens)) {
                Some(last) => last.tokens.clone_from(&before),
                None => sequences.push(Self { tokens: before.clone(), written: Vec::new() }),
            }
            if let Some(last) = sequences.last_mut().filter(|_| number >= first_event) {
                last.written.push(Written { start: prompt.len(), logprobs: tokens.logprobs.clone() });
            }
        }
        sequences.retain(|sequence| sequence.written() > 0);
        Ok(sequences)
    }

    /// The number of tokens that the model wrote.
    pub fn written(&self) -> usize {
        self.written.iter().map(|part| part.logprobs.len()).sum()
    }

    /// Checks that the written parts lie in the sequence, in order and behind its first token.
    ///
    /// # Errors
    /// Which part does not.
    pub fn check(&self) -> Result<(), String> {
        let mut free = 1;
        for Written { start, logprobs } in &self.written {
            let end = start.saturating_add(logprobs.len());
            if *start < free || end > self.tokens.len() {
                let length = self.tokens.len();
                return Err(format!(
                    "a part from {start} to {end} is written, in a sequence of {length} tokens"
                ));
            }
            free = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Event, ModelResponse, Summary, Tokens};

    /// A trace of calls, each with its whole prompt and its answer.
    fn trace(calls: &[(&[u32], &[u32])]) -> Trace {
        let mut before = Vec::new();
        let event = |(prompt, answer): &(&[u32], &[u32])| {
            let logprobs = answer.iter().map(|id| -(*id as f32)).collect();
            let tokens = Tokens::after(&before, prompt, answer.to_vec(), logprobs);
            before = [*prompt, *answer].concat();
            let response = ModelResponse { tokens: Some(tokens), ..ModelResponse::default() };
            Event { kind: EventKind::ModelResponseEvent(response), timestamp: String::new() }
        };
        let events = calls.iter().map(event).collect();
        Trace { started_at: None, finished_at: None, provenance: None, summary: Summary::default(), events }
    }

    #[test]
    fn calls_that_continue_each_other_are_one_sequence() {
        let calls: [(&[u32], &[u32]); 4] =
            [(&[1, 2], &[3]), (&[1, 2, 3, 4], &[5, 6]), (&[1, 2, 9], &[7]), (&[1, 2, 9, 7, 8], &[3])];
        let trace = trace(&calls);
        let part = |start, logprobs: &[f32]| Written { start, logprobs: logprobs.to_vec() };
        let all = Sequence::of(&trace, 0).unwrap();
        let first = Sequence {
            tokens: vec![1, 2, 3, 4, 5, 6],
            written: vec![part(2, &[-3.0]), part(4, &[-5.0, -6.0])],
        };
        let second =
            Sequence { tokens: vec![1, 2, 9, 7, 8, 3], written: vec![part(3, &[-7.0]), part(5, &[-3.0])] };
        assert_eq!(all, [first.clone(), second.clone()]);
        all.iter().for_each(|sequence| sequence.check().unwrap());

        // What others wrote is read, and does not count.
        let later = Sequence { written: vec![part(4, &[-5.0, -6.0])], ..first };
        assert_eq!(Sequence::of(&trace, 1).unwrap(), [later, second.clone()]);
        assert_eq!(Sequence::of(&trace, 2).unwrap(), [second]);
        assert_eq!(Sequence::of(&trace, 4).unwrap(), []);
    }

    #[test]
    fn tokens_that_are_missing_or_out_of_place_are_refused() {
        let mut lacking = trace(&[(&[1], &[2])]);
        if let EventKind::ModelResponseEvent(response) = &mut lacking.events[0].kind {
            response.tokens.as_mut().unwrap().logprobs.clear();
        }
        assert!(Sequence::of(&lacking, 0).unwrap_err().contains("0 log-probabilities of 1"));
        if let EventKind::ModelResponseEvent(response) = &mut lacking.events[0].kind {
            response.tokens = None;
        }
        assert!(Sequence::of(&lacking, 0).unwrap_err().contains("did not record"));
        for written in [vec![(0, 1)], vec![(2, 2)], vec![(1, 2), (2, 1)]] {
            let written =
                written.into_iter().map(|(start, count)| Written { start, logprobs: vec![0.0; count] });
            let sequence = Sequence { tokens: vec![1, 2, 3], written: written.collect() };
            assert!(sequence.check().is_err(), "{sequence:?}");
        }
    }
}
