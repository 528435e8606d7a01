//! The steps of an episode, kept so that a repeated step gets the same answer.

use std::collections::VecDeque;
use std::sync::Arc;

use super::step::{Record, Request};
use crate::error::Error;

/// A very long episode keeps only its latest steps: this many bytes of them, and always the last one.
const KEPT_BYTES: usize = 16 << 20;

/// How many bytes a kept step counts as.
pub type Measure = fn(&Record) -> usize;

/// The steps that were taken, in order.
#[derive(Clone)]
pub struct History {
    measure: Measure,
    kept: VecDeque<Kept>,
    kept_bytes: usize,
    taken: u64,
}

#[derive(Clone)]
struct Kept {
    /// Shared with the forks of the episode.
    record: Arc<Record>,
    bytes: usize,
}

impl History {
    /// A history without steps.
    pub fn new(measure: Measure) -> Self {
        Self { measure, kept: VecDeque::new(), kept_bytes: 0, taken: 0 }
    }

    /// The index that the next step must carry.
    pub fn next(&self) -> u64 {
        self.taken
    }

    /// The steps that are kept, in order.
    pub fn kept(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.kept.iter().map(|kept| &kept.record)
    }

    /// The stored step of a request that repeats an earlier one; `None` for the next step.
    ///
    /// # Errors
    /// The index was used for another action, leaves a gap, or belongs to a step that is no longer kept.
    pub fn answer(&self, request: &Request) -> Result<Option<&Arc<Record>>, Error> {
        let (index, next) = (request.index, self.taken);
        if index > next {
            return Err(Error::StepGap { index, next });
        }
        // Counted from the end: only the latest steps are kept.
        let Ok(back) = usize::try_from(next - index) else { return Err(Error::StepForgotten { index }) };
        if back == 0 {
            return Ok(None);
        }
        let Some(taken) = self.kept.len().checked_sub(back).and_then(|at| self.kept.get(at)) else {
            return Err(Error::StepForgotten { index });
        };
        if taken.record.request.action == request.action {
            Ok(Some(&taken.record))
        } else {
            Err(Error::StepConflict { index, next })
        }
    }

    /// Adds the next step.
    pub fn push(&mut self, record: Arc<Record>) {
        let bytes = (self.measure)(&record);
        self.kept_bytes += bytes;
        self.kept.push_back(Kept { record, bytes });
        self.taken += 1;
        while self.kept_bytes > KEPT_BYTES && self.kept.len() > 1 {
            self.kept_bytes -= self.kept.pop_front().map_or(0, |kept| kept.bytes);
        }
    }

    /// Forgets the steps, but not their number.
    pub fn clear(&mut self) {
        *self = Self { taken: self.taken, ..Self::new(self.measure) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::episode::step::{Action, Answer, Info, Observation};

    fn history() -> History {
        History::new(|record| record.answer.observation.output.len())
    }

    fn request(index: u64, code: &str) -> Request {
        Request { episode_id: String::new(), index, action: Some(Action::Code(code.to_owned())) }
    }

    fn record(index: u64, output: String) -> Arc<Record> {
        let observation = Observation { output, ..Observation::default() };
        let answer = Answer { observation, info: Info::default(), end: None };
        Arc::new(Record { request: request(index, "a"), answer })
    }

    #[test]
    fn a_long_episode_keeps_its_latest_answers() {
        let mut history = history();
        for index in 0..5 {
            history.push(record(index, "x".repeat(6 << 20)));
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
        let mut history = history();
        history.push(record(0, "x".repeat(KEPT_BYTES + 1)));
        assert!(history.answer(&request(0, "a")).unwrap().is_some());
    }
}
