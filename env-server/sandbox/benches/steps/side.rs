//! A side of the comparison, and the programs that all sides run.

use std::time::{Duration, Instant};

/// A short step.
pub const STEP: &str = "x = 41\nprint(x + 1)";
pub const LOOP: &str = "n = 0\nfor i in range(3_000_000): n += i";
/// A step of a thousand tool calls.
pub const CALLS: &str = "for _ in range(1000): ask(q='q')";

/// A history of a hundred steps.
pub fn history() -> Vec<String> {
    (0..100).map(|i| format!("a{i} = [{i}] * 10\nprint(sum(a{i}))")).collect()
}

/// Our sandbox, or a peer.
pub trait Side {
    /// The name in the table.
    fn name(&self) -> &'static str;

    /// Times an operation repeatedly, for `budget` and at least once. Empty if the side does not have the
    /// operation.
    fn times(&mut self, operation: &str, budget: Duration) -> Vec<Duration>;

    /// The private memory in bytes of an interpreter that has run a step.
    fn private_bytes(&mut self) -> f64;
}

/// Times `run` on what `prepare` returns. The result of `run` is dropped outside of the measured time.
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
