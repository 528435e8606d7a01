//! The same seed, code and answers give the same outcomes, fuel included.

use std::time::{Duration, Instant};

use crate::common::{Counter, SANDBOX, config, counter, prints, reset};
use sandbox::{Config, InterpreterState, Options, Outcome, Sandbox};

const STEPS: [&str; 6] = [
    "import random, os, uuid, time, datetime\nprint(random.random(), os.urandom(8), uuid.uuid4())",
    "print(time.time(), time.monotonic(), time.perf_counter(), datetime.datetime.now())",
    "names = {'a', 'b', 'c', 'd', 'e', 'f', 'g'}\nprint(names, hash('a'), id(names))",
    "print(count(), echo([1.5]))\ndef f(n): return n\nclass C: pass\nprint(C())",
    "import secrets, tempfile\nprint(secrets.token_hex(), random.choice(range(10**9)))",
    "1 / 0",
];

fn run(sandbox: &Sandbox, state: InterpreterState, seed: u64) -> Vec<Outcome> {
    let (tools, _) = counter();
    let config = Config { seed, tools: Counter::tools(), record_definitions: true, ..config(state) };
    let mut python = sandbox.interpreter(config, tools).unwrap();
    STEPS.iter().map(|code| python.run(code).unwrap()).collect()
}

/// Outcomes as text, without their duration.
fn shown(outcomes: &[Outcome]) -> Vec<String> {
    outcomes
        .iter()
        .map(|outcome| format!("{:?}", Outcome { wall: Duration::ZERO, ..outcome.clone() }))
        .collect()
}

#[test]
fn two_sandboxes_agree_on_everything() {
    let other = Sandbox::new(&Options { max_interpreters: 3, ..Options::default() }).unwrap();
    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        let (one, two) = (run(&SANDBOX, state, 5), run(&other, state, 5));
        assert_eq!(shown(&one), shown(&two));
        assert!(one.iter().all(|outcome| outcome.fuel_used > 1_000));
    }
}

#[test]
fn another_seed_gives_other_random_numbers() {
    let (one, two) = (run(&SANDBOX, InterpreterState::Reset, 5), run(&SANDBOX, InterpreterState::Reset, 6));
    assert_ne!(one[0].output, two[0].output);
    assert_eq!(one[1].output, two[1].output, "time does not depend on the seed");
    assert_eq!(one[2].output, two[2].output, "nor do the hashes of strings");
}

#[test]
fn a_reused_place_holds_nothing_of_its_last_interpreter() {
    let one = Sandbox::new(&Options { max_interpreters: 1, ..Options::default() }).unwrap();
    let clean = shown(&run(&one, InterpreterState::Persistent, 5));
    let mut dirty = one.interpreter(config(InterpreterState::Persistent), counter().0).unwrap();
    prints(&mut dirty, "import json, sys\njson.x = sys.y = [bytes([7]) * 30_000_000]");
    drop(dirty);
    assert_eq!(shown(&run(&one, InterpreterState::Persistent, 5)), clean);
}

#[test]
fn a_reset_forgets_module_state_too() {
    let mut python = reset();
    prints(&mut python, "import random, json\nrandom.seed(3); json.x = 1; random.y = 2");
    let code = "import random, json\nprint(hasattr(json, 'x'), hasattr(random, 'y'), random.getstate() == random.Random(3).getstate())";
    assert_eq!(prints(&mut python, code), "False False False\n");
}

#[test]
fn sleeping_advances_the_clock_without_waiting() {
    let started = Instant::now();
    let code = "
import time, select
clocks = (time.time, time.monotonic, time.perf_counter)
before = [clock() for clock in clocks]
time.sleep(3600)
print([round(clock() - b, 1) for clock, b in zip(clocks, before)])
time.sleep(0); time.sleep(1e-9)
select.select([], [], [], 86400)
print(round((time.time() - before[0]) / 60))";
    assert_eq!(prints(&mut reset(), code), "[3600.0, 3600.0, 3600.0]\n1500\n");
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn reading_the_clock_advances_it() {
    let code = "import time\nstart = time.time()\nn = 0\nwhile time.time() - start < 1: n += 1\nprint(n, time.gmtime().tm_year)";
    assert_eq!(prints(&mut reset(), code), "9999 2025\n");
}
