//! Models' servers that do the same: which of them gets the next call.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use client::{Rest, Retry};
use tokio::time::sleep;

/// Servers that do the same; at least one.
#[derive(Debug)]
pub struct Pool<T> {
    members: Vec<Member<T>>,
    /// Where the search begins, so that servers with the same number of calls take turns.
    start: AtomicUsize,
}

#[derive(Debug)]
struct Member<T> {
    server: T,
    /// Calls that are running.
    calls: AtomicUsize,
    /// After it failed.
    rest: Rest,
}

impl<T> Pool<T> {
    /// A pool of these servers; `None` without any.
    pub fn new(servers: Vec<T>) -> Option<Self> {
        Self::resting(servers, Rest::default)
    }

    /// A pool whose servers rest in this way after a failure.
    fn resting(servers: Vec<T>, rest: impl Fn() -> Rest) -> Option<Self> {
        let member = |server| Member { server, calls: <_>::default(), rest: rest() };
        let members: Vec<_> = servers.into_iter().map(member).collect();
        (!members.is_empty()).then(|| Self { members, start: AtomicUsize::new(0) })
    }

    /// A call to the server with the fewest running calls. One that failed a moment ago is chosen only if all did.
    pub fn call(&self) -> Call<'_, T> {
        let start = self.start.fetch_add(1, Ordering::Relaxed);
        let member = (0..self.members.len())
            .map(|offset| &self.members[(start.wrapping_add(offset)) % self.members.len()])
            .min_by_key(|member| (member.rest.left(), member.calls.load(Ordering::Relaxed)))
            .unwrap_or(&self.members[0]);
        member.calls.fetch_add(1, Ordering::Relaxed);
        Call { member }
    }

    /// Asks servers until one answers: after a failure that may pass another one at once, or the same one after a wait.
    ///
    /// # Errors
    /// The first failure that does not pass, or the last that `retry` allows.
    pub async fn try_each<'pool, R, E, Answer>(
        &'pool self,
        retry: &Retry,
        ask: impl Fn(&'pool T) -> Answer,
    ) -> Result<R, E>
    where
        Answer: Future<Output = Result<R, Failed<E>>>,
    {
        let mut attempt = 0;
        loop {
            let call = self.call();
            let Failed { error, passes, retry_after } = match ask(call.server()).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if !passes || !retry.allows_another(attempt) {
                return Err(error);
            }
            call.failed();
            drop(call);
            if !self.is_ready() {
                sleep(retry.wait_at_least(attempt, retry_after)).await;
            }
            attempt += 1;
        }
    }

    /// Whether a server is there that does not rest.
    pub fn is_ready(&self) -> bool {
        self.members.iter().any(|member| member.rest.left().is_zero())
    }

    /// Its servers.
    pub fn servers(&self) -> impl Iterator<Item = &T> {
        self.members.iter().map(|member| &member.server)
    }
}

/// A call without an answer.
#[derive(Debug)]
pub struct Failed<E> {
    /// Why it failed.
    pub error: E,
    /// Whether the same call may succeed later, or on another server.
    pub passes: bool,
    /// How long the server wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// A running call; it ends when this value is dropped.
#[derive(Debug)]
pub struct Call<'pool, T> {
    member: &'pool Member<T>,
}

impl<'pool, T> Call<'pool, T> {
    /// The server that is called.
    pub fn server(&self) -> &'pool T {
        &self.member.server
    }

    /// Notes that the server failed: other servers are asked first for a while.
    pub fn failed(&self) {
        self.member.rest.begin();
    }
}

impl<T> Drop for Call<'_, T> {
    fn drop(&mut self) {
        self.member.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_busy_server_is_called_and_one_that_failed_rests() {
        let pool = Pool::new(vec!['a', 'b', 'c']).unwrap();
        let calls = [pool.call(), pool.call(), pool.call()];
        let mut servers = calls.each_ref().map(|call| *call.server());
        servers.sort_unstable();
        assert_eq!(servers, ['a', 'b', 'c'], "each gets one");
        let [first, second, third] = calls;
        let (dead, free) = (*first.server(), *second.server());
        first.failed();
        drop((first, second));
        // The one that failed has no calls, and is left out all the same.
        let calls: Vec<_> = (0..3).map(|_| pool.call()).collect();
        assert!(calls.iter().all(|call| *call.server() != dead), "{calls:?}");
        assert_eq!(calls.iter().filter(|call| *call.server() == free).count(), 2);
        drop((calls, third));
    }

    #[test]
    fn one_that_has_rested_is_called_again() {
        let length = Duration::from_millis(10);
        let pool = Pool::resting(vec!['a', 'b'], || Rest::of(length)).unwrap();
        let call = pool.call();
        let dead = *call.server();
        call.failed();
        drop(call);
        std::thread::sleep(length);
        let calls = [pool.call(), pool.call()];
        assert!(calls.iter().any(|call| *call.server() == dead), "{calls:?}");
    }

    #[test]
    fn if_all_failed_the_first_that_did_is_called() {
        let pool = Pool::new(vec!['a', 'b']).unwrap();
        let (first, second) = (pool.call(), pool.call());
        first.failed();
        assert!(pool.is_ready());
        std::thread::sleep(Duration::from_millis(100));
        second.failed();
        assert!(!pool.is_ready());
        assert_eq!(pool.call().server(), first.server());
        assert!(Pool::<char>::new(vec![]).is_none());
    }
}
