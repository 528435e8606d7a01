//! The latency of a quick step while other interpreters run attacks: endless loops, memory hogs, floods of
//! output. There is one attacker fewer than processors, but at least one.
//!
//! `cargo bench -p sandbox --bench neighbours`

#![allow(clippy::print_stdout)] // the report is the purpose

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use sandbox::{
    Config, Interpreter, InterpreterState, Limits, Options, Sandbox, Semantics, ToolCall, ToolError, ToolHost,
};
use serde_json::Value;

const STEP: &str = "x = 41\nprint(x + 1)";
const STEPS: usize = 3_000;
/// The pause between two steps, because an agent's steps do not follow each other immediately.
const PAUSE: Duration = Duration::from_micros(500);

const ATTACKS: [(&str, &str); 4] = [
    ("loops", "while True: pass"),
    ("memory hogs", "x = []\nwhile True: x.append(bytes(10**6))"),
    ("floods of output", "while True: print('x' * 1000)"),
    ("regular expressions", "import re\nre.match('(a+)+$', 'a' * 60 + 'b')"),
];

struct NoTools;

impl ToolHost for NoTools {
    fn call(&mut self, _call: &ToolCall) -> Result<Value, ToolError> {
        Ok(Value::Null)
    }
}

fn main() {
    let sandbox = Sandbox::new(&Options::default()).expect("the sandbox starts");
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let attackers = (cores - 1).max(1);
    println!("{cores} processors, {attackers} attackers, {STEPS} steps each time");
    let report = |what: &str, mut times: Vec<Duration>| {
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        println!("{what:<34} p50 {:>8.3} ms   p99 {:>8.3} ms   max {:>8.3} ms", at(0.5), at(0.99), at(1.0));
    };
    report("a quick step alone", quick_steps(&sandbox));
    for (what, code) in ATTACKS {
        let over = AtomicBool::new(false);
        let times = thread::scope(|scope| {
            for _ in 0..attackers {
                scope.spawn(|| attack(&sandbox, code, &over));
            }
            let times = quick_steps(&sandbox);
            over.store(true, Ordering::Relaxed);
            times
        });
        report(&format!("  beside {what}"), times);
    }
}

fn interpreter(sandbox: &Sandbox, limits: Limits) -> Interpreter {
    let config = Config {
        state: InterpreterState::Persistent,
        seed: 1,
        limits,
        tools: Vec::new(),
        semantics: Semantics::Script,
        record_definitions: false,
    };
    sandbox.interpreter(config, Arc::new(Mutex::new(NoTools))).expect("there is a free place")
}

fn quick_steps(sandbox: &Sandbox) -> Vec<Duration> {
    let mut python = interpreter(sandbox, Limits::default());
    let step = |_| {
        thread::sleep(PAUSE);
        let started = Instant::now();
        assert!(python.run(STEP).expect("it runs").success);
        started.elapsed()
    };
    (0..STEPS).map(step).collect()
}

/// Runs an attack again and again until `over` is set. Each step is stopped by its fuel or its memory limit.
fn attack(sandbox: &Sandbox, code: &str, over: &AtomicBool) {
    let limits = Limits { fuel: 2_000_000_000, ..Limits::default() };
    let mut python = interpreter(sandbox, limits);
    while !over.load(Ordering::Relaxed) {
        assert!(!python.run(code).expect("it runs").success);
    }
}
