#![allow(clippy::print_stdout)] // what it prints is the result

//! How much the journal costs for each record, beside a plain log with the same group commit.
//!
//!     cargo bench -p journal
//!
//! 1, 8 and 64 writers each send a record of 1.5 kB and wait until it is stored. The stores take turns, several rounds
//! each; the table has each one's median round. `-- 2` sets the seconds of a round, `-- 2 DIR` the folder.

mod lives;
mod stores;

use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use comfy_table::{CellAlignment, Table, presets};
use journal::Durability;
use stores::{Kind, Store};

/// Bytes of a record.
const RECORD: usize = 1500;
const WRITERS: [usize; 3] = [1, 8, 64];
const ROUNDS: usize = 3;
/// Open episodes of the folders that are opened: one that is verified before it is used, and one meanwhile.
const OPEN: [u64; 2] = [10_000, 100_000];
/// Processor time of a step of the server, in microseconds. What the journal adds is a share of this.
const STEP: f64 = 220.0;

fn main() {
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let seconds = arguments.next().map_or(1.0, |seconds| seconds.parse().expect("seconds of a round"));
    let folder = arguments.next().map_or_else(env::temp_dir, PathBuf::from);
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "survives",
        "writers",
        "store",
        "records/s",
        "p50 us",
        "p99 us",
        "CPU us/record",
        "bytes/record",
        "rate to log",
        "CPU of a step",
    ]);
    for sync in [false, true] {
        for writers in WRITERS {
            let mut rounds: Vec<(Kind, Vec<Round>)> = Kind::ALL.map(|kind| (kind, Vec::new())).into();
            for _ in 0..ROUNDS {
                for (kind, results) in &mut rounds {
                    let scratch = tempfile::tempdir_in(&folder).expect("a folder");
                    let store = kind.open(scratch.path(), sync);
                    results.push(measure(store, writers, Duration::from_secs_f64(seconds), scratch.path()));
                }
            }
            let medians: Vec<_> = rounds.into_iter().map(|(kind, results)| (kind, median(results))).collect();
            let log =
                medians.iter().find(|(kind, _)| *kind == Kind::Plain).map_or(f64::NAN, |(_, log)| log.rate);
            for (kind, round) in medians {
                table.add_row([
                    (if sync { "power" } else { "process" }).to_owned(),
                    writers.to_string(),
                    kind.name().to_owned(),
                    format!("{:.0}", round.rate),
                    format!("{:.0}", round.p50),
                    format!("{:.0}", round.p99),
                    format!("{:.1}", round.cpu),
                    format!("{:.0}", round.bytes),
                    format!("{:.2}", round.rate / log),
                    format!("{:.1} %", 100.0 * round.cpu / STEP),
                ]);
            }
        }
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    for durability in [Durability::Process, Durability::Sync] {
        let scratch = tempfile::tempdir_in(&folder).expect("a folder");
        lives::play(scratch.path(), durability, Duration::from_secs_f64(5.0 * seconds));
    }
    for episodes in OPEN {
        let scratch = tempfile::tempdir_in(&folder).expect("a folder");
        lives::reopen(scratch.path(), episodes);
    }
}

/// What a round measured.
struct Round {
    /// Records per second.
    rate: f64,
    /// Microseconds from sending a record until it is stored.
    p50: f64,
    p99: f64,
    /// Microseconds of processor time of the whole process for each record.
    cpu: f64,
    /// Bytes that the process wrote to files for each record.
    bytes: f64,
}

fn median(mut rounds: Vec<Round>) -> Round {
    rounds.sort_by(|left, right| left.rate.total_cmp(&right.rate));
    rounds.swap_remove(ROUNDS / 2)
}

fn measure(store: Box<dyn Store>, writers: usize, time: Duration, folder: &Path) -> Round {
    let barrier = Barrier::new(writers + 1);
    let (mut latencies, took, cpu, bytes) = thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let (store, barrier) = (&store, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let latencies = write(store.as_ref(), writer, time);
                    // The processor time of a thread that has ended is not told.
                    barrier.wait();
                    barrier.wait();
                    latencies
                })
            })
            .collect();
        let (cpu, bytes, began) = (processor_time(), written(), Instant::now());
        barrier.wait();
        barrier.wait();
        let used = (began.elapsed(), processor_time() - cpu, written() - bytes);
        barrier.wait();
        let latencies: Vec<f64> =
            threads.into_iter().flat_map(|thread| thread.join().expect("a writer ends")).collect();
        (latencies, used.0, used.1, used.2)
    });
    drop(store);
    assert!(fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()), "nothing was written");
    latencies.sort_by(f64::total_cmp);
    let records = latencies.len() as f64;
    let quantile = |share: f64| latencies[((records - 1.0) * share) as usize];
    Round {
        rate: records / took.as_secs_f64(),
        p50: quantile(0.5),
        p99: quantile(0.99),
        cpu: cpu * 1e6 / records,
        bytes: bytes as f64 / records,
    }
}

/// Sends records, each once the one before is stored, and says how many microseconds each took.
fn write(store: &dyn Store, writer: usize, time: Duration) -> Vec<f64> {
    let (began, mut latencies) = (Instant::now(), Vec::new());
    // Bytes that no store can compress.
    let mut state = writer as u64 + 1;
    let body: Vec<u8> = (0..RECORD)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect();
    let mut index = 0;
    while began.elapsed() < time {
        let sent = Instant::now();
        store.write(writer as u64, index, &body);
        latencies.push(sent.elapsed().as_secs_f64() * 1e6);
        index += 1;
    }
    latencies
}

/// Seconds of processor time that the threads of this process have used.
fn processor_time() -> f64 {
    let threads = fs::read_dir("/proc/self/task").expect("the threads of this process").flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let times = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        times.split_whitespace().next()?.parse::<u64>().ok()
    });
    nanoseconds.sum::<u64>() as f64 / 1e9
}

/// Bytes that this process has given to the system to write.
fn written() -> u64 {
    let counts = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = counts.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or_default()
}
