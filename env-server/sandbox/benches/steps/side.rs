//! What is measured of every side, and the programs that all of them run.

use std::time::{Duration, Instant};

/// The step that is compared.
pub const STEP: &str = "x = 41\nprint(x + 1)";
pub const LOOP: &str = "n = 0\nfor i in range(3_000_000): n += i";
/// A step of a thousand tool calls.
pub const CALLS: &str = "for _ in range(1000): ask(q='q')";

/// A past of a hundred steps.
pub fn past() -> Vec<String> {
    (0..100).map(|i| format!("a{i} = [{i}] * 10\nprint(sum(a{i}))")).collect()
}

/// Ours, or a peer.
pub trait Side {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Times an operation again and again for so long, and at least once; empty where it has no such thing.
    fn times(&mut self, operation: &str, budget: Duration) -> Vec<Duration>;

    /// The memory in bytes that a live interpreter, which has run a step, has for itself.
    fn private_bytes(&mut self) -> f64;
}

/// Times `run` on what `prepare` makes. What `run` gives is let go when the clock has stopped.
pub fn timed<T, U>(
    budget: Duration,
    mut prepare: impl FnMut() -> T,
    mut run: impl FnMut(T) -> U,
) -> Vec<Duration> {
    let (started, mut times) = (Instant::now(), Vec::new());
    while times.is_empty() || started.elapsed() < budget {
        let subject = prepare();
        let start = Instant::now();
        let result = run(subject);
        times.push(start.elapsed());
        drop(result);
    }
    times
}
