//! How many interpreters can be open while most of them hibernate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::seq::index;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng as _;
use sandbox::{Interpreter, InterpreterState, Options, Sandbox};

use crate::common::{self, private_bytes, quantile, run};
use crate::usage::{SPARE, available_bytes, in_full};

/// A step that is too long to be replayed, so that hibernation stores a snapshot.
const LONG: &str = "total = 0\nfor n in range(20_000): total += n * n";
/// One in this many interpreters runs [`LONG`].
const LONG_ONES: usize = 10;
/// The number of interpreters to wake.
const WOKEN: usize = 2_000;

/// Opens many interpreters, of which a few are in memory at a time, and wakes random ones.
pub fn asleep(count: usize, max_awake: usize) {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let options = Options {
        max_interpreters: max_awake as u32 + 1,
        hibernation_dir: Some(folder.path().into()),
        ..Options::default()
    };
    let sandbox = Sandbox::new(&options).expect("the sandbox starts");
    let (mut all, mut awake) = (Vec::with_capacity(count), VecDeque::new());
    let (mut hibernations, mut all_awake, started) = (Vec::new(), 0.0, Instant::now());
    for index in 0..count {
        if awake.len() == max_awake {
            if index == max_awake {
                all_awake = private_bytes("self");
            }
            hibernate_oldest(&mut all, &mut awake, &mut hibernations);
        }
        all.push(open(&sandbox, index));
        awake.push_back(index);
        if index.is_multiple_of(1000) && available_bytes() < SPARE {
            println!("only {} open: less than {:.0} GB of memory would be left", all.len(), SPARE / 1e9);
            break;
        }
    }
    let opening = started.elapsed().as_secs_f64();
    let asleep = all.len() - awake.len();
    println!(
        "{} open, {} awake: {opening:.1} s, {:.3} ms each; hibernate: median {:.3} ms, p99 {:.3} ms",
        all.len(),
        awake.len(),
        opening * 1e3 / all.len() as f64,
        quantile(&mut hibernations, 0.5),
        quantile(&mut hibernations, 0.99),
    );
    let private = private_bytes("self");
    println!(
        "private memory: {:.2} GB; with the first {max_awake} alone {:.2} GB, so {:.1} kB for each hibernated one",
        private / 1e9,
        all_awake / 1e9,
        (private - all_awake) / asleep as f64 / 1e3,
    );
    for (what, long) in [("short history, a log", false), ("long history, a snapshot", true)] {
        let kept = (0..asleep).filter(|index| is_long(*index) == long).map(|index| all[index].stats());
        let (mut hibernated, mut memory, mut disk) = (0.0, 0.0, 0.0);
        for stats in kept {
            assert_eq!(stats.kept_on_disk_bytes > 0, long, "a snapshot is on disk, a log is not");
            hibernated += 1.0;
            memory += stats.kept_bytes as f64;
            disk += stats.kept_on_disk_bytes as f64;
        }
        println!(
            "asleep, {what}: {hibernated}   kept in memory {:.1} MB, {:.0} bytes each   on disk {:.1} MB, {:.0} bytes each",
            memory / 1e6,
            memory / hibernated,
            disk / 1e6,
            disk / hibernated,
        );
    }

    let mut random = ChaCha12Rng::seed_from_u64(1);
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for index in index::sample(&mut random, asleep, WOKEN.min(asleep)) {
        hibernate_oldest(&mut all, &mut awake, &mut hibernations);
        let started = Instant::now();
        let output = run(&mut all[index], "print(me, next(g))");
        let times = if is_long(index) { &mut long } else { &mut short };
        times.push(started.elapsed());
        assert_eq!(output, format!("{index} {}\n", consumed(index).pow(2)), "it continues where it stopped");
        awake.push_back(index);
    }
    for (what, mut times) in [("short history", short), ("long history", long)] {
        println!(
            "woken at random, {what}: {}, every generator exact   median {:.3} ms, p99 {:.3} ms, max {:.3} ms",
            times.len(),
            quantile(&mut times, 0.5),
            quantile(&mut times, 0.99),
            quantile(&mut times, 1.0),
        );
    }
    println!("in all: {:.1} s", started.elapsed().as_secs_f64());
}

/// An interpreter with its own index in a variable, and a partly consumed generator.
fn open(sandbox: &Sandbox, index: usize) -> Interpreter {
    let new = common::interpreter(sandbox, InterpreterState::Persistent, index as u64);
    let mut python = new.unwrap_or_else(|error| panic!("number {index}: {}", in_full(&error)));
    run(&mut python, &format!("me = {index}\ng = (n * n for n in range(100))"));
    run(&mut python, &format!("for _ in range({}): next(g)", consumed(index)));
    if is_long(index) {
        run(&mut python, LONG);
    }
    python
}

fn consumed(index: usize) -> usize {
    1 + index % 50
}

fn is_long(index: usize) -> bool {
    index.is_multiple_of(LONG_ONES)
}

fn hibernate_oldest(all: &mut [Interpreter], awake: &mut VecDeque<usize>, times: &mut Vec<Duration>) {
    if let Some(oldest) = awake.pop_front() {
        let started = Instant::now();
        all[oldest].hibernate();
        times.push(started.elapsed());
    }
}
