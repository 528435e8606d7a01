//! What a small step costs where many interpreters take turns: each has pages of its own, which leave the processor's
//! caches until its next turn. One thread a processor, each with its part of the interpreters.
//!
//! `cargo bench -p sandbox --bench crowd`, or with `-- MILLISECONDS` a measurement and a number of interpreters of one's own:
//! `-- 3000 64`

#![allow(clippy::print_stdout)] // the report is the purpose

mod common;

use std::thread;
use std::time::{Duration, Instant};

use sandbox::{Interpreter, InterpreterState, Options, Sandbox};

/// Interpreters of one measurement.
const CROWDS: [usize; 6] = [1, 4, 16, 64, 256, 1024];
const MEASURED: Duration = Duration::from_secs(1);

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let measured = numbers.first().map_or(MEASURED, |milliseconds| Duration::from_millis(*milliseconds));
    let crowds = numbers.get(1).map_or(CROWDS.to_vec(), |crowd| vec![*crowd as usize]);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let most = u32::try_from(crowds.iter().max().copied().unwrap_or(1) * threads).unwrap_or(u32::MAX);
    let sandbox =
        Sandbox::new(&Options { max_interpreters: most, ..Options::default() }).expect("the sandbox starts");
    println!("{}", common::machine());
    println!("{:>12} {:>20} {:>20}", "interpreters", "us a step, 1 thread", format!("{threads} threads"));
    for crowd in crowds {
        let [alone, together] = [1, threads].map(|threads| {
            thread::scope(|scope| {
                let measuring: Vec<_> =
                    (0..threads).map(|_| scope.spawn(|| microseconds(&sandbox, crowd, measured))).collect();
                let all: f64 = measuring.into_iter().map(|one| one.join().expect("it measures")).sum();
                all / threads as f64
            })
        });
        println!("{crowd:>12} {alone:>20.1} {together:>20.1}");
    }
}

/// The duration of a step, in microseconds, while `crowd` interpreters take turns.
fn microseconds(sandbox: &Sandbox, crowd: usize, measured: Duration) -> f64 {
    let new =
        |seed| common::interpreter(sandbox, InterpreterState::Persistent, seed as u64).expect("a free place");
    let mut all: Vec<Interpreter> = (0..crowd).map(new).collect();
    for python in &mut all {
        common::run(python, "n = 0\nprint(n)");
    }
    let (began, mut steps) = (Instant::now(), 0);

    let (began, mut steps) = (Instant::now(), 0);
    while began.elapsed() < measured {
        for python in &mut all {
            common::run(python, "n += 1\nprint(n)");
            steps += 1;
        }
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(steps)
}
