//! The steps of an episode, kept so that a repeated step gets the same answer.

use std::collections::VecDeque;
use std::sync::Arc;

use sandbox::Share;

use super::step::{Record, Request};
use crate::error::Error;

/// A very long episode keeps only its latest steps: this many bytes of them, and always the last one.
const KEPT_BYTES: usize = 16 << 20;

/// Bytes of steps on one page; clients accept messages of 4 MiB by default.
const PAGE_BYTES: usize = 2 << 20;

/// What a kept step takes beside its texts.
pub const RECORD_BYTES: usize = 1 << 10;

/// Some of the steps that are kept.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// In order; one at least, if there is one.
    pub steps: Vec<Arc<Record>>,
    /// The index at which the next page begins, if there is one.
    pub next: Option<u64>,
}

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
    /// What it takes of the server's memory.
    _share: Arc<Share>,
}

impl History {
    /// A history without steps.
    pub fn new(measure: Measure) -> Self {
        Self { measure, kept: VecDeque::new(), kept_bytes: 0, taken: 0 }
    }

    /// The history of an episode whose steps, so many, are in the store.
    pub fn in_store(measure: Measure, taken: u64) -> Self {
        Self { taken, ..Self::new(measure) }
    }

    /// The index that the next step must carry.
    pub fn next(&self) -> u64 {
        self.taken
    }

    /// How many bytes a kept step counts as.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// The bytes of the steps that are kept.
    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// The steps that are kept, beginning with the step of index `from`, or the first one that is kept.
    ///
    /// # Errors
    /// That step is no longer kept.
    pub fn page(&self, from: Option<u64>) -> Result<Page, Error> {
        let first = self.taken - self.kept.len() as u64;
        let from = from.unwrap_or(first);
        let skipped = from.checked_sub(first).ok_or(Error::StepForgotten { index: from })?;
        let mut page = Page::default();
        let mut bytes = 0;
        for (kept, index) in
            self.kept.iter().zip(first..).skip(usize::try_from(skipped).unwrap_or(usize::MAX))
        {
            bytes += kept.bytes;
            if bytes > PAGE_BYTES && !page.steps.is_empty() {
                page.next = Some(index);
                break;
            }
            page.steps.push(kept.record.clone());
        }
        Ok(page)
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
        if taken.record.request.is_of(request) {
            Ok(Some(&taken.record))
        } else {
            Err(Error::StepConflict { index, next })
        }
    }

    /// Adds the next step. `share` is set to what it takes.
    pub fn push(&mut self, record: Arc<Record>, mut share: Share) {
        let bytes = (self.measure)(&record);
        share.set(RECORD_BYTES + bytes);
        self.kept_bytes += bytes;
        self.kept.push_back(Kept { record, bytes, _share: Arc::new(share) });
        self.taken += 1;
        while self.kept_bytes > KEPT_BYTES && self.kept.len() > 1 {
            self.kept_bytes -= self.kept.pop_front().map_or(0, |kept| kept.bytes);
        }
    }

    /// Forgets the steps, but not their number.
    pub fn clear(&mut self) {
        *self = Self { taken: self.taken, ..Self::new(self.measure) };
    }

    /// Forgets the steps, to be filled again from the first one.
    pub fn restart(&mut self) {
        *self = Self::new(self.measure);
    }

    /// The first `count` steps.
    ///
    /// # Errors
    /// Not all of them are kept.
    pub fn first(&self, count: u64) -> Result<Vec<Arc<Record>>, Error> {
        if self.taken > self.kept.len() as u64 {
            return Err(Error::StepForgotten { index: 0 });
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(self.kept.iter().take(count).map(|kept| kept.record.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use sandbox::Budget;

    use super::*;
    use crate::episode::step::{Action, Answer, Info, Observation};

    fn history() -> History {
        History::new(|record| record.answer.observation.output.len())
    }

    fn request(index: u64, code: &str) -> Request {
        Request { episode_id: String::new(), index, action: Some(Action::Code(code.to_owned())) }
    }

    fn push(history: &mut History, index: u64, output_bytes: usize) {
        let observation = Observation { output: "x".repeat(output_bytes), ..Observation::default() };
        let answer = Answer { observation, info: Info::default(), end: None };
        let record = Record { request: request(index, "a"), answer, state: None };
        history.push(Arc::new(record), Budget::default().hold(0));
    }

    #[test]
    fn a_long_episode_keeps_its_latest_answers() {
        let mut history = history();
        for index in 0..5 {
            push(&mut history, index, 6 << 20);
        }
        assert_eq!(history.next(), 5);
        assert_eq!(history.kept.len(), 2);
        assert!(history.answer(&request(4, "a")).unwrap().is_some());
        assert!(matches!(history.answer(&request(4, "b")), Err(Error::StepConflict { index: 4, next: 5 })));
        assert!(matches!(history.answer(&request(0, "a")), Err(Error::StepForgotten { index: 0 })));
        assert!(matches!(history.answer(&request(6, "a")), Err(Error::StepGap { index: 6, next: 5 })));
        assert!(history.answer(&request(5, "a")).unwrap().is_none());
    }

    #[test]
    fn pages_hold_every_kept_step_once() {
        let mut history = history();
        assert!(history.page(None).unwrap().steps.is_empty());
        let sizes = [5 << 20, 6 << 20, 1 << 20, 1 << 20, 1, 3 << 20, 1, 1 << 20];
        for (index, size) in (0..).zip(sizes) {
            push(&mut history, index, size);
        }
        let mut pages = Vec::new();
        let mut from = None;
        loop {
            let page = history.page(from).unwrap();
            pages.push(page.steps.iter().map(|step| step.request.index).collect::<Vec<_>>());
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        assert_eq!(pages, [vec![1], vec![2, 3], vec![4], vec![5], vec![6, 7]], "16 MiB are kept");
        assert!(matches!(history.page(Some(0)), Err(Error::StepForgotten { index: 0 })));
        assert!(history.page(Some(99)).unwrap().steps.is_empty());
    }

    #[test]
    fn one_answer_is_kept_however_large() {
        let mut history = history();
        push(&mut history, 0, KEPT_BYTES + 1);
        assert!(history.answer(&request(0, "a")).unwrap().is_some());
    }
}
