//! Who runs next: work on interpreters, on a fixed number of threads.
//!
//! Work is a future that yields every few milliseconds. It waits in one of a few queues: what has had few turns waits before
//! what has had many (a multi-level feedback queue). So a short step runs within some milliseconds whatever else runs, and
//! long steps share what is left. In each queue the tenants take turns, so that none gets more of a thread for its many
//! episodes. Every [`FAIR_TURN`]th turn goes to the lowest queue, so that nobody starves.

mod job;
mod queue;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use async_task::{Builder, Runnable};
use sandbox::Stop;
use tokio::sync::{Semaphore, oneshot};

use crate::error::Error;
use job::Job;
use queue::Queue;

/// The most turns that work in each queue but the last has had.
const TURNS: [u32; 3] = [0, 3, 31];
/// How often the lowest queue is served first.
const FAIR_TURN: u64 = 16;

/// The most work that has begun and has not ended: each may hold an interpreter's place beside those that stay in memory.
pub const MOST_BEGUN: usize = 512;
/// The most of it that is one tenant's.
const MOST_BEGUN_OF_TENANT: usize = MOST_BEGUN / 2;

/// Runs work on its own threads; they end with it.
pub struct Scheduler {
    shared: Arc<Shared>,
    begun: Arc<Semaphore>,
    begun_of_tenant: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
}

struct Shared {
    queues: Mutex<Queues>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queues {
    by_turns: [Queue; TURNS.len() + 1],
    /// Turns given so far.
    given: u64,
    closed: bool,
}

/// The work that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Work that has begun.
    pub begun: usize,
    /// Of it, what waits for its next turn.
    pub queued: usize,
}

impl Scheduler {
    /// A scheduler with this many threads.
    ///
    /// # Errors
    /// The system's, if it starts no more threads.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { queues: Mutex::default(), arrived: Condvar::new() });
        // Made first: if a thread can't be started, dropping it ends the others.
        let scheduler = Self {
            shared: shared.clone(),
            begun: Arc::new(Semaphore::new(MOST_BEGUN)),
            begun_of_tenant: Mutex::default(),
        };
        for number in 0..threads {
            let shared = shared.clone();
            let name = format!("interpreter-{number}");
            std::thread::Builder::new().name(name).spawn(move || shared.work())?;
        }
        Ok(scheduler)
    }

    /// Runs a tenant's work to its end, even if the caller goes away.
    ///
    /// # Errors
    /// [`Error::Internal`] if the work panics.
    pub async fn run<T: Send + 'static>(
        &self,
        tenant: &str,
        stop: Stop,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Error> {
        let (tenant, begun) = self.tenant(tenant);
        let tenants_place = begun.acquire_owned().await.map_err(|_| Error::ShuttingDown)?;
        let place = self.begun.clone().acquire_owned().await.map_err(|_| Error::ShuttingDown)?;
        let (done, result) = oneshot::channel();
        let shared = self.shared.clone();
        let job = Job { tenant, turns: AtomicU32::new(0), stop };
        let (runnable, task) = Builder::new().metadata(job).spawn(
            |_| async move {
                let _places = (tenants_place, place);
                // The caller may have gone.
                let _ = done.send(work.await);
            },
            move |runnable| shared.add(runnable),
        );
        task.detach();
        runnable.schedule();
        result.await.map_err(|_| Error::Internal("the work did not come to its end".to_owned()))
    }

    fn tenant(&self, name: &str) -> (Arc<str>, Arc<Semaphore>) {
        let mut tenants = self.begun_of_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        match tenants.get_key_value(name) {
            Some((name, begun)) => (name.clone(), begun.clone()),
            None => {
                let (name, begun) = (Arc::from(name), Arc::new(Semaphore::new(MOST_BEGUN_OF_TENANT)));
                tenants.insert(Arc::clone(&name), Arc::clone(&begun));
                (name, begun)
            }
        }
    }

    /// The work that has not ended.
    pub fn load(&self) -> Load {
        let queued = self.shared.queues().by_turns.iter().map(Queue::len).sum();
        Load { begun: MOST_BEGUN.saturating_sub(self.begun.available_permits()), queued }
    }

    /// Lets work that is asked to stop run next.
    pub fn hurry(&self) {
        let mut queues = self.shared.queues();
        let [first, others @ ..] = &mut queues.by_turns;
        for queue in others {
            for stopped in queue.take_stopped() {
                first.push(stopped);
            }
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.shared.queues().closed = true;
        self.shared.arrived.notify_all();
    }
}

impl Shared {
    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, runnable: Runnable<Job>) {
        let job = runnable.metadata();
        let turns = job.turns.load(Ordering::Relaxed);
        let level = if job.stop.is_asked() { 0 } else { TURNS.iter().filter(|most| turns > **most).count() };
        self.queues().by_turns[level].push(runnable);
        self.arrived.notify_one();
    }

    /// Gives turns until the scheduler is dropped.
    fn work(&self) {
        let mut queues = self.queues();
        loop {
            if queues.closed {
                return;
            }
            let Some(next) = queues.next() else {
                queues = self.arrived.wait(queues).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(queues);
            next.metadata().turns.fetch_add(1, Ordering::Relaxed);
            // Whoever waits for the work learns that it did not end.
            let _ = catch_unwind(AssertUnwindSafe(|| next.run()));
            queues = self.queues();
        }
    }
}

impl Queues {
    fn next(&mut self) -> Option<Runnable<Job>> {
        self.given += 1;
        match self.given % FAIR_TURN {
            0 => self.by_turns.iter_mut().rev().find_map(Queue::pop),
            _ => self.by_turns.iter_mut().find_map(Queue::pop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Work that takes this many turns, and notes each.
    async fn turns(name: char, count: usize, seen: Arc<Mutex<String>>) {
        for turn in 0..count {
            if turn > 0 {
                tokio::task::yield_now().await;
            }
            seen.lock().unwrap().push(name);
        }
    }

    #[tokio::test]
    async fn short_work_does_not_wait_for_long_work() {
        let scheduler = Arc::new(Scheduler::new(1).unwrap());
        let (seen, stop) = (Arc::new(Mutex::new(String::new())), Stop::default());
        let long = {
            let (scheduler, seen, stop) = (scheduler.clone(), seen.clone(), stop.clone());
            let work = async move {
                while !stop.is_asked() {
                    turns('l', 2, seen.clone()).await;
                }
            };
            tokio::spawn(async move { scheduler.run("red", Stop::default(), work).await })
        };
        while seen.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        for _ in 0..50 {
            scheduler.run("red", Stop::default(), turns('s', 1, seen.clone())).await.unwrap();
        }
        assert!(!long.is_finished());
        stop.ask();
        long.await.unwrap().unwrap();
        assert_eq!(seen.lock().unwrap().matches('s').count(), 50);
    }

    #[test]
    fn the_lowest_queue_is_served_now_and_then() {
        let mut queues = Queues::default();
        queues.by_turns[TURNS.len()].push(job::work("red", 1000));
        for _ in 0..FAIR_TURN {
            queues.by_turns[0].push(job::work("red", 0));
        }
        let served: Vec<u32> = std::iter::from_fn(|| queues.next())
            .map(|next| next.metadata().turns.load(Ordering::Relaxed))
            .collect();
        let at = served.iter().position(|turns| *turns == 1000);
        assert_eq!((served.len() as u64, at), (FAIR_TURN + 1, Some(FAIR_TURN as usize - 1)));
    }

    #[tokio::test]
    async fn a_tenant_finds_room_beside_the_endless_work_of_another() {
        let scheduler = Arc::new(Scheduler::new(1).unwrap());
        let (begun, stop) = (Arc::new(Mutex::new(String::new())), Stop::default());
        let mut endless = Vec::new();
        for _ in 0..MOST_BEGUN + 1 {
            let (scheduler, begun, stop) = (scheduler.clone(), begun.clone(), stop.clone());
            let work = async move {
                turns('r', 1, begun).await;
                while !stop.is_asked() {
                    tokio::task::yield_now().await;
                }
            };
            endless.push(tokio::spawn(async move { scheduler.run("red", Stop::default(), work).await }));
        }
        while begun.lock().unwrap().len() < MOST_BEGUN_OF_TENANT {
            tokio::task::yield_now().await;
        }
        assert_eq!(scheduler.run("blue", Stop::default(), async { 7 }).await.unwrap(), 7);
        stop.ask();
        for work in endless {
            work.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn work_that_panics_is_reported_and_the_thread_goes_on() {
        let scheduler = Scheduler::new(1).unwrap();
        let panicking: Result<(), Error> =
            scheduler.run("red", Stop::default(), async { panic!("on purpose") }).await;
        assert!(matches!(panicking, Err(Error::Internal(_))));
        assert_eq!(scheduler.run("red", Stop::default(), async { 7 }).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn work_goes_on_when_its_caller_has_gone() {
        let scheduler = Arc::new(Scheduler::new(1).unwrap());
        let seen = Arc::new(Mutex::new(String::new()));
        let work = {
            let (scheduler, seen) = (scheduler.clone(), seen.clone());
            tokio::spawn(async move { scheduler.run("red", Stop::default(), turns('x', 100, seen)).await })
        };
        while seen.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        work.abort();
        while seen.lock().unwrap().len() < 100 {
            tokio::task::yield_now().await;
        }
    }
}
