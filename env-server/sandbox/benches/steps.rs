//! How long steps take, and what an interpreter costs in memory; beside it, in the same run, a fresh CPython
//! process a step, and eryx where it can be had.
//!
//! Medians. `cargo bench -p sandbox` (set `PYTHON` to choose another Python to compare with).

#![allow(clippy::print_stdout)] // the report is the purpose

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sandbox::{
    Config, InterpreterState, Limits, Options, Sandbox, SharedTools, Tool, ToolCall, ToolError, ToolHost,
};
use serde_json::{Value, json};

/// The step that is compared, and one with some work in it.
const STEP: &str = "x = 41\nprint(x + 1)";
const WORK: &str = "x = sum(i * i for i in range(100))\nprint(x)";

struct Answer;

impl ToolHost for Answer {
    fn call(&mut self, _call: &ToolCall) -> Result<Value, ToolError> {
        Ok(json!("42"))
    }
}

fn main() {
    let started = Instant::now();
    let sandbox = Sandbox::new(&Options::default()).expect("the sandbox starts");
    report("sandbox set-up (compiled code cached)", started.elapsed());

    let tools: SharedTools = Arc::new(Mutex::new(Answer));
    let config = |state| Config {
        state,
        seed: 1,
        limits: Limits { tool_calls: u32::MAX, ..Limits::default() },
        tools: vec![Tool { name: "ask".into(), parameters: vec!["q: str".into()], doc: String::new() }],
        record_definitions: false,
    };
    let new = |state| sandbox.interpreter(config(state), tools.clone()).expect("there is a free place");

    let start = median(200, || drop(new(InterpreterState::Persistent)));
    report("new interpreter", start);

    let mut reset = new(InterpreterState::Reset);
    let reset_step = median(200, || assert!(reset.run(STEP).expect("it runs").success));
    report("step in a new interpreter (Reset)", reset_step);
    let work = median(200, || assert!(reset.run(WORK).expect("it runs").success));
    report("  100 squares, summed and printed", work);

    let mut live = new(InterpreterState::Persistent);
    let live_step = median(2_000, || assert!(live.run(STEP).expect("it runs").success));
    report("step in a live interpreter (Persistent)", live_step);
    let work = median(2_000, || assert!(live.run(WORK).expect("it runs").success));
    report("  100 squares, summed and printed", work);
    let empty_step = median(2_000, || assert!(live.run("pass").expect("it runs").success));
    report("  nothing at all", empty_step);

    let calls = 1_000;
    let code = format!("for _ in range({calls}): ask('q')");
    let tool_call = median(20, || assert!(live.run(&code).expect("it runs").success)) / calls;
    report("tool call", tool_call);

    let spin = "n = 0\nfor i in range(3_000_000): n += i";
    let outcome = live.run(spin).expect("it runs");
    report("3 million rounds of a loop", outcome.wall);
    println!("{:<44} {:>9.0} M", "  fuel for them", outcome.fuel_used as f64 / 1e6);
    println!(
        "{:<44} {:>9.0} M/s",
        "  fuel a second",
        outcome.fuel_used as f64 / outcome.wall.as_secs_f64() / 1e6
    );

    memory(|| new(InterpreterState::Persistent));

    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    if let Some(process) = fresh_process(&python) {
        report("step in a fresh CPython process", process);
        println!("{:<44} {:>9.1} x", "  fresh process / Reset step", ratio(process, reset_step));
        println!("{:<44} {:>9.1} x", "  fresh process / Persistent step", ratio(process, live_step));
    } else {
        println!("fresh CPython process: skipped, `{python}` does not run");
    }
    eryx(reset_step, live_step);
}

/// Private memory of live interpreters that have each run a step, from the kernel's count.
fn memory(new: impl Fn() -> sandbox::Interpreter) {
    const LIVE: usize = 200;
    let Some(before) = private_bytes() else {
        println!("private memory: skipped, needs Linux");
        return;
    };
    let mut interpreters: Vec<_> = (0..LIVE).map(|_| new()).collect();
    for interpreter in &mut interpreters {
        assert!(interpreter.run(STEP).expect("it runs").success);
    }
    let each = private_bytes().unwrap_or(before).saturating_sub(before) as f64 / LIVE as f64;
    println!("{:<44} {:>9.2} MB", "private memory of a live interpreter", each / 1e6);
}

fn private_bytes() -> Option<u64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let kilobytes = rollup
        .lines()
        .filter(|line| line.starts_with("Private_"))
        .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    Some(kilobytes.sum::<u64>() * 1024)
}

fn fresh_process(python: &str) -> Option<Duration> {
    // The interpreter itself: a launcher in front of it would be timed as well.
    let itself = Command::new(python).args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
    let python = String::from_utf8(itself.stdout).ok()?;
    let python = python.trim();
    let run = || Command::new(python).args(["-c", STEP]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    run().ok().filter(|status| status.success())?;
    Some(median(20, || drop(run())))
}

/// Times eryx through its Python package, in the Python that `ERYX_PYTHON` names.
fn eryx(reset_step: Duration, live_step: Duration) {
    const SCRIPT: &str = r#"
import statistics, sys, time
import eryx
code = sys.argv[1]
def median(n, f):
    f()
    times = []
    for _ in range(n):
        t = time.perf_counter(); f(); times.append(time.perf_counter() - t)
    return statistics.median(times) * 1e9
fresh = median(100, lambda: eryx.Sandbox().execute(code))
session = eryx.Session()
live = median(500, lambda: session.execute(code))
print(int(fresh), int(live))
"#;
    let Ok(python) = std::env::var("ERYX_PYTHON") else {
        println!("eryx: skipped; name a Python (3.12 or newer) that has `pyeryx` in ERYX_PYTHON to compare");
        return;
    };
    let Ok(output) = Command::new(python).args(["-c", SCRIPT, STEP]).output() else {
        println!("eryx: skipped, its Python does not run");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let nanos: Vec<u64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [fresh, live] = nanos[..] else {
        println!("eryx: skipped: {}", String::from_utf8_lossy(&output.stderr).trim());
        return;
    };
    let (fresh, live) = (Duration::from_nanos(fresh), Duration::from_nanos(live));
    report("eryx: step in a new sandbox", fresh);
    report("eryx: step in a live session", live);
    println!("{:<44} {:>9.2} x", "  eryx new / Reset step", ratio(fresh, reset_step));
    println!("{:<44} {:>9.2} x", "  eryx live / Persistent step", ratio(live, live_step));
}

fn median(times: usize, mut run: impl FnMut()) -> Duration {
    run();
    let mut all: Vec<Duration> = (0..times)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed()
        })
        .collect();
    all.sort();
    all[times / 2]
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

fn report(what: &str, time: Duration) {
    println!("{what:<44} {:>9.3} ms", time.as_secs_f64() * 1e3);
}
