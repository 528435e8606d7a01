//! What a small step costs where many interpreters take turns: the memory of each leaves the processor's caches until its next
//! turn. Each thread has interpreters of its own.
//!
//! `cargo bench -p sandbox --bench crowd`

#![allow(clippy::print_stdout)] // the report is the purpose

mod common;

use std::thread;
use std::time::{Duration, Instant};

use sandbox::{Interpreter, InterpreterState, Options, Sandbox};

/// Interpreters of a thread.
const CROWDS: [usize; 6] = [1, 4, 16, 64, 256, 1024];
const MEASURED: Duration = Duration::from_secs(1);

fn main() {
    // More would need more memory maps than Linux allows.
    let threads = thread::available_parallelism().map_or(1, usize::from).min(12);
    let most = u32::try_from(1024 * threads).unwrap_or(u32::MAX);
    let options = Options { max_interpreters: most, ..Options::default() };
    let sandbox = Sandbox::new(&options).expect("the sandbox starts");
    println!("{}; medians of a step in us", common::machine());
    println!(
        "{:>12} {:>12} {:>12} {:>12}",
        "interpreters",
        "1 thread",
        format!("{threads} threads"),
        "MB each"
    );
    for crowd in CROWDS {
        let before = common::private_bytes("self");
        let (alone, bytes) = measure(&sandbox, crowd, 1);
        let (together, _) = measure(&sandbox, crowd, threads);
        let megabytes = (bytes - before).max(0.0) / 1e6 / crowd as f64;
        println!("{crowd:>12} {alone:>12.1} {together:>12.1} {megabytes:>12.2}");
    }
}

/// The median duration of a step in microseconds, and the memory of the process, while `crowd` interpreters take turns on each
/// thread.
fn measure(sandbox: &Sandbox, crowd: usize, threads: usize) -> (f64, f64) {
    thread::scope(|scope| {
        let playing: Vec<_> = (0..threads).map(|_| scope.spawn(|| play(sandbox, crowd))).collect();
        let (mut times, mut bytes) = (Vec::new(), 0.0);
        for one in playing {
            let (of_one, then) = one.join().expect("it measures");
            times.extend(of_one);
            bytes = then;
        }
        (common::quantile(&mut times, 0.5) * 1e3, bytes)
    })
}

/// The durations of the steps of one thread's interpreters, and the memory of the process after them.
fn play(sandbox: &Sandbox, crowd: usize) -> (Vec<Duration>, f64) {
    let new = |seed| common::interpreter(sandbox, InterpreterState::Persistent, seed).expect("a free place");
    let mut all: Vec<Interpreter> = (0..crowd as u64).map(new).collect();
    for python in &mut all {
        common::run(python, "n = 0\nprint(n)");
    }
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < MEASURED {
        for python in &mut all {
            let started = Instant::now();
            common::run(python, "n += 1\nprint(n)");
            times.push(started.elapsed());
        }
    }
    (times, common::private_bytes("self"))
}
