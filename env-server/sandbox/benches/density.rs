//! How many interpreters live at once, and what is the first to run out; then how many more can be open while they
//! sleep. Each part is a process of its own, so that none disturbs another.
//!
//! `cargo bench -p sandbox --bench density`. `LIVE` says how many live (`1000,5000,10000,16000`), `ASLEEP` how many
//! are open in the second part (`100000`) and `AWAKE` how many of these are awake at a time (`3000`).

#![allow(clippy::print_stdout)] // the report is the purpose

mod common;

use std::collections::VecDeque;
use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{field_sum, private_bytes, quantile, run};
use rand::seq::index;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng as _;
use sandbox::{Interpreter, InterpreterState, Options, Sandbox};

const STEP: &str = "x = 41\nprint(x + 1)";
/// Memory in bytes that must stay available.
const SPARE: f64 = 2e9;
const GIB: f64 = (1u64 << 30) as f64;
/// How many show what each one takes.
const A_FEW: u32 = 1_000;
/// More places than there are addresses for.
const TOO_MANY: u32 = 40_000;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["live", count] => live(count.parse().expect("a number")),
        ["most"] => most(),
        ["asleep"] => asleep(number("ASLEEP", 100_000), number("AWAKE", 3_000)),
        _ => all(),
    }
}

/// Runs the parts, each in a process of its own.
fn all() {
    println!("{}", common::machine());
    println!("\n== Live at once, one step each");
    for count in env::var("LIVE").unwrap_or_else(|_| "1000,5000,10000,16000".into()).split(',') {
        part(&["live", count.trim()]);
    }
    println!("\n== As many as fit");
    part(&["most"]);
    println!("\n== Open, most of them asleep");
    part(&["asleep"]);
}

fn part(arguments: &[&str]) {
    let program = env::current_exe().expect("this program has a path");
    let status = Command::new(program).args(arguments).status().expect("it runs again");
    if !status.success() {
        println!("{} failed: {status}", arguments.join(" "));
    }
}

fn number(name: &str, default: usize) -> usize {
    env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Interpreters that live, and what they took.
struct Crowd {
    members: Vec<Interpreter>,
    creation: Duration,
    before: Usage,
    /// Why there are no more, if there should be.
    why_no_more: Option<String>,
}

impl Crowd {
    /// As many as asked for, or as there can be; each has run a step.
    fn gather(count: u32) -> Result<Crowd, String> {
        let before = Usage::now();
        let options = Options { max_interpreters: count, ..Options::default() };
        let sandbox = Sandbox::new(&options).map_err(|error| in_full(&error))?;
        let (mut members, mut why_no_more, started) = (Vec::new(), None, Instant::now());
        while members.len() < count as usize {
            if members.len().is_multiple_of(100) && available_bytes() < SPARE {
                why_no_more = Some(format!("less than {:.0} GB of memory would be left", SPARE / 1e9));
                break;
            }
            let seed = members.len() as u64;
            let new = common::interpreter(&sandbox, InterpreterState::Persistent, seed);
            match new.and_then(|mut python| python.run(STEP).map(|_| python)) {
                Ok(python) => members.push(python),
                Err(error) => {
                    why_no_more = Some(in_full(&error));
                    break;
                }
            }
        }
        Ok(Crowd { members, creation: started.elapsed(), before, why_no_more })
    }

    /// What each of them takes.
    fn each(&self) -> Usage {
        let (now, count) = (Usage::now(), self.members.len() as f64);
        Usage {
            private: (now.private - self.before.private) / count,
            resident: (now.resident - self.before.resident) / count,
            addresses: now.addresses - self.before.addresses,
            maps: (now.maps - self.before.maps) / count,
        }
    }
}

/// What a process takes: bytes, but for its maps, which are counted.
struct Usage {
    private: f64,
    resident: f64,
    addresses: f64,
    maps: f64,
}

impl Usage {
    fn now() -> Usage {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        // Not read at once: it is long, and memory for it would be one map more.
        let maps = BufReader::new(File::open("/proc/self/maps").expect("Linux lists the maps"));
        Usage {
            private: private_bytes("self"),
            resident: field_sum(&status, "VmRSS:") * 1024.0,
            addresses: field_sum(&status, "VmSize:") * 1024.0,
            maps: maps.split(b'\n').count() as f64,
        }
    }
}

fn live(count: u32) {
    let mut crowd = match Crowd::gather(count) {
        Ok(crowd) => crowd,
        Err(error) => return println!("{count} places: {error}"),
    };
    let live = crowd.members.len();
    let (each, now) = (crowd.each(), Usage::now());
    let step = |python: &mut Interpreter| {
        let started = Instant::now();
        run(python, STEP);
        started.elapsed()
    };
    let mut steps: Vec<_> = crowd.members.iter_mut().map(step).collect();
    println!(
        "{live} live: created in {:.3} ms each; private {:.3} MB each, {:.2} GB in all (RSS, which counts what they \
         share for each: {:.1} GB)",
        crowd.creation.as_secs_f64() * 1e3 / live as f64,
        each.private / 1e6,
        now.private / 1e9,
        now.resident / 1e9,
    );
    println!(
        "  a step in each: median {:.3} ms, p99 {:.3} ms; {} maps of {}, {:.2} each",
        quantile(&mut steps, 0.5),
        quantile(&mut steps, 0.99),
        now.maps,
        max_map_count(),
        each.maps,
    );
    if let Some(why) = &crowd.why_no_more {
        println!("  not {count}, because: {why}");
    }
}

/// Says how many each limit would let live, and tries to have more than the first of them does.
fn most() {
    let gather = |count| {
        let crowd = Crowd::gather(count).expect("so few have places");
        (crowd.each(), Usage::now().maps, available_bytes() - SPARE)
    };
    // Some maps are taken once, however many live.
    let ((each, few_maps, memory), (_, more_maps, _)) = (gather(A_FEW), gather(2 * A_FEW));
    let maps_each = (more_maps - few_maps) / f64::from(A_FEW);
    let (places, why) = most_places();
    let limits = [
        (
            f64::from(A_FEW) + (max_map_count() - few_maps) / maps_each,
            format!("maps: {maps_each:.2} each of vm.max_map_count = {}", max_map_count()),
            "sysctl -w vm.max_map_count=1048576",
        ),
        (
            memory / each.private,
            format!("memory: {:.3} MB each of {:.1} GB", each.private / 1e6, memory / 1e9),
            "more memory",
        ),
        (
            f64::from(places),
            format!("addresses: {:.2} GiB each; one more: {why}", each.addresses / f64::from(A_FEW) / GIB),
            "several processes",
        ),
    ];
    for (count, limit, remedy) in &limits {
        println!("{count:>6.0} fit by {limit}. To have more: {remedy}");
    }
    let first = limits.iter().map(|(count, ..)| *count).fold(f64::INFINITY, f64::min);
    let more = (first * 1.03) as u32;
    println!("{more} tried, 3 % more than the first of these limits lets live:");
    live(more);
}

/// For how many places there are addresses, and what one more gives.
fn most_places() -> (u32, String) {
    let set_up = |count| Sandbox::new(&Options { max_interpreters: count, ..Options::default() });
    let (mut fit, mut too_many, mut why) = (A_FEW, TOO_MANY, String::new());
    while fit + 1 < too_many {
        let count = fit.midpoint(too_many);
        match set_up(count) {
            Ok(_) => fit = count,
            Err(error) => (too_many, why) = (count, in_full(&error)),
        }
    }
    (fit, why)
}

/// A past that a sleeper keeps as a snapshot: it took too long to run again.
const LONG: &str = "total = 0\nfor n in range(20_000): total += n * n";
/// One in so many has such a past.
const LONG_ONES: usize = 10;
const WOKEN: usize = 2_000;

/// Opens many interpreters, of which a few are awake at a time, and wakes some at random.
fn asleep(count: usize, most_awake: usize) {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let options = Options {
        max_interpreters: most_awake as u32 + 1,
        hibernation_dir: Some(folder.path().into()),
        ..Options::default()
    };
    let sandbox = Sandbox::new(&options).expect("the sandbox starts");
    let (mut all, mut awake) = (Vec::with_capacity(count), VecDeque::new());
    let (mut hibernations, mut all_awake, started) = (Vec::new(), 0.0, Instant::now());
    for index in 0..count {
        if awake.len() == most_awake {
            if index == most_awake {
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
        "private memory: {:.2} GB; with the first {most_awake} alone {:.2} GB, so {:.1} kB for each that sleeps",
        private / 1e9,
        all_awake / 1e9,
        (private - all_awake) / asleep as f64 / 1e3,
    );
    for (what, long) in [("short past, a log", false), ("long past, a snapshot", true)] {
        let kept = (0..asleep).filter(|index| is_long(*index) == long).map(|index| all[index].stats());
        let (mut sleepers, mut memory, mut disk) = (0.0, 0.0, 0.0);
        for stats in kept {
            assert_eq!(stats.kept_on_disk_bytes > 0, long, "it is kept as it should be");
            sleepers += 1.0;
            memory += stats.kept_bytes as f64;
            disk += stats.kept_on_disk_bytes as f64;
        }
        println!(
            "asleep, {what}: {sleepers}   kept in memory {:.1} MB, {:.0} bytes each   on disk {:.1} MB, {:.0} bytes each",
            memory / 1e6,
            memory / sleepers,
            disk / 1e6,
            disk / sleepers,
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
        assert_eq!(output, format!("{index} {}\n", consumed(index).pow(2)), "it goes on where it was");
        awake.push_back(index);
    }
    for (what, mut times) in [("short past", short), ("long past", long)] {
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

/// One that knows who it is, and has a generator that is partly consumed.
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

fn available_bytes() -> f64 {
    field_sum(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), "MemAvailable:") * 1024.0
}

/// How many maps the kernel gives a process.
fn max_map_count() -> f64 {
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    text.trim().parse().unwrap_or(f64::INFINITY)
}

/// An error with all that lies under it.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
