//! How long work ran, without the time in which it waited for its turns.

use std::future::poll_fn;
use std::pin::pin;
use std::time::{Duration, Instant};

/// Runs work to its end; returns its result and the time in which it ran.
pub async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let mut work = pin!(work);
    let mut ran = Duration::ZERO;
    let result = poll_fn(|context| {
        let begun = Instant::now();
        let polled = work.as_mut().poll(context);
        ran += begun.elapsed();
        polled
    })
    .await;
    (result, ran)
}
