//! How many interpreters can be in memory at the same time.

use std::time::{Duration, Instant};

use sandbox::{Interpreter, InterpreterState, Options, Sandbox};

use crate::common::{self, quantile, run};
use crate::usage::{SPARE, Usage, available_bytes, in_full, max_map_count};

const STEP: &str = "x = 41\nprint(x + 1)";
const GIB: f64 = (1u64 << 30) as f64;
/// The number of interpreters from which the usage of each is computed.
const A_FEW: u32 = 1_000;
/// More places than a process has addresses for.
const TOO_MANY: u32 = 40_000;

/// Interpreters in memory.
struct Crowd {
    members: Vec<Interpreter>,
    creation: Duration,
    before: Usage,
    /// Why there are fewer than asked for.
    why_no_more: Option<String>,
}

impl Crowd {
    /// Creates `count` interpreters, or as many as fit. Each has run a step.
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

    /// What each of them uses; `addresses` is the total.
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

/// Creates `count` interpreters, and reports their usage and a step in each.
pub fn live(count: u32) {
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

/// Reports how many interpreters each limit allows, and tries to create slightly more than the lowest limit
/// allows.
pub fn most() {
    let gather = |count| {
        let crowd = Crowd::gather(count).expect("there are enough places");
        (crowd.each(), Usage::now().maps, available_bytes() - SPARE)
    };
    // Some maps are used once, independent of the number of interpreters.
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

/// The number of places that the address space has room for, and the error for one more.
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
