//! The steps of an episode, kept so that a repeated step gets the same answer.

use std::collections::VecDeque;
use std::sync::Arc;

use prost::Message as _;
use proto::env::v1;

use super::error::Error;

/// Of a very long episode only the latest steps are kept, this many bytes of them; the last one always.
const KEPT_BYTES: usize = 16 << 20;

/// What was asked and answered, step by step.
#[derive(Clone, Default)]
pub struct History {
    /// Shared with the forks of the episode.
    kept: VecDeque<Arc<v1::StepRecord>>,
    kept_bytes: usize,
    taken: u64,
}

impl History {
    /// The index that the next step must carry.
    pub fn next(&self) -> u64 {
        self.taken
    }

    /// The steps that are kept, in order.
    pub fn kept(&self) -> impl Iterator<Item = &v1::StepRecord> {
        self.kept.iter().map(Arc::as_ref)
    }

    /// The stored answer to a step that was taken before; none for the next step.
    ///
    /// # Errors
    /// Another action under that index, a gap, or an answer that is no longer kept.
    pub fn answer(&self, request: &v1::StepRequest) -> Result<Option<&v1::StepResponse>, Error> {
        let (index, next) = (request.step_index, self.taken);
        if index > next {
            return Err(Error::StepGap { index, next });
        }
        // Counted from the end, where what is kept is.
        let Ok(back) = usize::try_from(next - index) else { return Err(Error::StepForgotten { index }) };
        if back == 0 {
            return Ok(None);
        }
        let Some(taken) = self.kept.len().checked_sub(back).and_then(|at| self.kept.get(at)) else {
            return Err(Error::StepForgotten { index });
        };
        let same = taken.request.as_ref().is_some_and(|taken| taken.action == request.action);
        if same { Ok(taken.response.as_ref()) } else { Err(Error::StepConflict { index, next }) }
    }

    /// Adds the next step.
    pub fn push(&mut self, request: v1::StepRequest, response: v1::StepResponse) {
        let record = v1::StepRecord { request: Some(request), response: Some(response) };
        self.kept_bytes += record.encoded_len();
        self.kept.push_back(Arc::new(record));
        self.taken += 1;
        while self.kept_bytes > KEPT_BYTES && self.kept.len() > 1 {
            let forgotten = self.kept.pop_front().map_or(0, |record| record.encoded_len());
            self.kept_bytes -= forgotten;
        }
    }

    /// Forgets the steps, but not how many they were.
    pub fn clear(&mut self) {
        *self = Self { taken: self.taken, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(step_index: u64, code: &str) -> v1::StepRequest {
        let action = v1::step_request::Action::Code(v1::CodeAction { code: code.to_owned() });
        v1::StepRequest { episode_id: String::new(), step_index, action: Some(action) }
    }

    fn response(step_index: u64, output: String) -> v1::StepResponse {
        let observation = v1::Observation { output, ..Default::default() };
        v1::StepResponse { step_index, observation: Some(observation), ..Default::default() }
    }

    #[test]
    fn a_long_episode_keeps_its_latest_answers() {
        let mut history = History::default();
        for index in 0..5 {
            history.push(request(index, "a"), response(index, "x".repeat(6 << 20)));
        }
        assert_eq!(history.next(), 5);
        assert_eq!(history.kept().count(), 2);
        assert!(history.answer(&request(4, "a")).unwrap().is_some());
        assert!(matches!(history.answer(&request(4, "b")), Err(Error::StepConflict { index: 4, next: 5 })));
        assert!(matches!(history.answer(&request(0, "a")), Err(Error::StepForgotten { index: 0 })));
        assert!(matches!(history.answer(&request(6, "a")), Err(Error::StepGap { index: 6, next: 5 })));
        assert!(history.answer(&request(5, "a")).unwrap().is_none());
    }

    #[test]
    fn one_answer_is_kept_however_large() {
        let mut history = History::default();
        history.push(request(0, "a"), response(0, "x".repeat(KEPT_BYTES + 1)));
        assert!(history.answer(&request(0, "a")).unwrap().is_some());
    }
}
