//! A queue in which the tenants take turns.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_task::Runnable;

use super::job::Job;

/// Work that waits. The next one is of the tenant that has waited longest for its turn.
#[derive(Default)]
pub struct Queue {
    by_tenant: HashMap<Arc<str>, VecDeque<Runnable<Job>>>,
    /// The tenants whose work waits, each once.
    order: VecDeque<Arc<str>>,
}

impl Queue {
    /// Adds work behind its tenant's other work.
    pub fn push(&mut self, work: Runnable<Job>) {
        let tenant = &work.metadata().tenant;
        if let Some(waiting) = self.by_tenant.get_mut(tenant) {
            if waiting.is_empty() {
                self.order.push_back(tenant.clone());
            }
            waiting.push_back(work);
            return;
        }
        let tenant = tenant.clone();
        self.order.push_back(tenant.clone());
        self.by_tenant.insert(tenant, VecDeque::from([work]));
    }

    /// How much work waits.
    pub fn len(&self) -> usize {
        self.by_tenant.values().map(VecDeque::len).sum()
    }

    /// Takes the next work.
    pub fn pop(&mut self) -> Option<Runnable<Job>> {
        let tenant = self.order.pop_front()?;
        let waiting = self.by_tenant.get_mut(&tenant)?;
        let next = waiting.pop_front();
        if !waiting.is_empty() {
            self.order.push_back(tenant);
        }
        next
    }

    /// Takes all work that is asked to stop.
    pub fn take_stopped(&mut self) -> Vec<Runnable<Job>> {
        let mut stopped = Vec::new();
        for waiting in self.by_tenant.values_mut() {
            for work in std::mem::take(waiting) {
                if work.metadata().stop.is_asked() {
                    stopped.push(work);
                } else {
                    waiting.push_back(work);
                }
            }
        }
        let by_tenant = &self.by_tenant;
        self.order.retain(|tenant| by_tenant.get(tenant).is_some_and(|waiting| !waiting.is_empty()));
        stopped
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::scheduler::job::work;

    fn taken(queue: &mut Queue) -> Vec<(Arc<str>, u32)> {
        let told = |work: &Job| (work.tenant.clone(), work.turns.load(Ordering::Relaxed));
        std::iter::from_fn(|| queue.pop()).map(|work| told(work.metadata())).collect()
    }

    fn names(taken: &[(Arc<str>, u32)]) -> String {
        taken.iter().map(|(tenant, turns)| format!("{tenant}{turns} ")).collect()
    }

    #[test]
    fn tenants_take_turns_and_each_has_its_own_order() {
        let mut queue = Queue::default();
        for number in 0..4 {
            queue.push(work("red", number));
        }
        queue.push(work("blue", 0));
        queue.push(work("green", 0));
        queue.push(work("blue", 1));
        assert_eq!(names(&taken(&mut queue)), "red0 blue0 green0 red1 blue1 red2 red3 ");
        queue.push(work("blue", 2));
        assert_eq!(names(&taken(&mut queue)), "blue2 ", "it can be used again");
    }

    #[test]
    fn what_is_asked_to_stop_is_taken_out() {
        let mut queue = Queue::default();
        for tenant in ["red", "blue", "blue"] {
            queue.push(work(tenant, 0));
        }
        let stopped = work("red", 7);
        stopped.metadata().stop.ask();
        queue.push(stopped);
        let last = work("green", 8);
        last.metadata().stop.ask();
        queue.push(last);
        assert_eq!(queue.take_stopped().len(), 2);
        assert_eq!(names(&taken(&mut queue)), "red0 blue0 blue0 ");
    }
}
