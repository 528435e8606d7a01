//! Recovery: a step that kills a persistent interpreter is undone.

use std::sync::{Arc, Mutex};

use crate::common::{Counter, SANDBOX, config, counter, fails, interpreter, persistent, prints};
use sandbox::{
    Config, Failure, Interpreter, InterpreterState, Limits, SharedTools, ToolCall, ToolError, ToolHost,
};
use serde_json::Value;

fn with_history() -> (Interpreter, Arc<Mutex<Counter>>) {
    let (tools, counter) = counter();
    let limits = Limits { fuel: 300_000_000, ..Limits::default() };
    let config = Config { limits, tools: Counter::tools(), ..config(InterpreterState::Persistent) };
    let mut python = interpreter(config, tools);
    prints(
        &mut python,
        "import random, time\nfirst = count()\nnumbers = (n * n for n in range(100))\nnext(numbers)",
    );
    prints(
        &mut python,
        "def twice(n): return 2 * n\nthrown = random.random()\nat = time.time(); next(numbers)",
    );
    fails(&mut python, "partial = [next(numbers)]\nraise ValueError('kept up to here')");
    (python, counter)
}

const KILLERS: [(&str, Failure); 4] = [
    ("partial.append(9); next(numbers); count()\nwhile True: pass", Failure::OutOfFuel),
    ("partial.append(9); count(); x = bytearray(10**9)", Failure::OutOfMemory),
    ("partial.append(9); count(); import os; os._exit(3)", Failure::Crashed),
    ("partial.append(9); count(); import os; os.abort()", Failure::Crashed),
];

#[test]
fn a_killed_step_is_undone_completely_and_no_tool_is_called_again() {
    let state =
        "print(first, next(numbers), twice(4), partial, random.random(), time.time() - at, len(dir()))";
    let (mut undisturbed, _) = with_history();
    let expected = prints(&mut undisturbed, state);
    for (killer, failure) in KILLERS {
        let (mut python, counter) = with_history();
        assert_eq!(counter.lock().unwrap().count, 1);
        let before = python.globals().to_vec();
        let outcome = fails(&mut python, killer);
        assert_eq!(outcome.failure, Some(failure), "{killer}");
        assert_eq!(outcome.globals, before);
        let error = outcome.error.unwrap();
        assert!(error.contains("Variables are as they were before this step."), "{error}");
        assert!(error.contains("Tool calls that were made stay made."), "{error}");
        assert_eq!(
            (outcome.tool_calls.len(), counter.lock().unwrap().count),
            (1, 2),
            "the call was made, once"
        );
        assert_eq!(prints(&mut python, state), expected, "{killer}");
        assert_eq!(counter.lock().unwrap().count, 2, "the replay calls no tool");
        assert_eq!(prints(&mut python, "print(count())"), "3\n");
    }
}

#[test]
fn killed_steps_are_undone_repeatedly() {
    let (mut python, _) = with_history();
    for round in 0..3 {
        fails(&mut python, "while True: pass");
        prints(&mut python, &format!("partial.append({round})"));
    }
    assert_eq!(prints(&mut python, "print(partial)"), "[4, 0, 1, 2]\n");
}

#[test]
fn a_step_that_hit_the_tool_call_limit_is_replayed() {
    let mut python = persistent();
    fails(&mut python, "seen = []\nwhile True: seen.append(count())");
    fails(&mut python, "import os; os._exit(0)");
    assert_eq!(prints(&mut python, "print(len(seen))"), "25\n");
}

#[test]
fn a_fork_is_independent() {
    let (mut python, first) = with_history();
    let (tools, second) = counter();
    let mut fork = python.fork(tools).unwrap();
    assert_eq!(fork.globals(), python.globals());
    prints(&mut fork, "partial.append(count())");
    assert_eq!(prints(&mut fork, "print(partial, next(numbers))"), "[4, 1] 9\n");
    assert_eq!(prints(&mut python, "print(partial, next(numbers))"), "[4] 9\n");
    assert_eq!((first.lock().unwrap().count, second.lock().unwrap().count), (1, 1));
}

struct Panics;

impl ToolHost for Panics {
    fn call(&mut self, _call: &ToolCall) -> Result<Value, ToolError> {
        panic!("a broken tool")
    }
}

#[test]
fn a_panic_in_a_tool_undoes_the_step() {
    let tools: SharedTools = Arc::new(Mutex::new(Panics));
    let config = Config { tools: Counter::tools(), ..config(InterpreterState::Persistent) };
    let mut python = SANDBOX.interpreter(config, tools).unwrap();
    prints(&mut python, "x = 1");
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| python.run("x = 2\ncount()")));
    assert!(result.is_err());
    assert_eq!(prints(&mut python, "print(x)"), "1\n");
}

#[test]
fn undoing_a_step_takes_a_bounded_replay_however_large_the_heap_and_long_the_history() {
    const BYTES: u64 = 110_000_000;
    /// The replay of [`sandbox::Stats::replayed_fuel`] for each changed byte.
    const FUEL_PER_BYTE: u64 = 64;
    let limits = Limits { fuel: 3_000_000_000, ..Limits::default() };
    let mut python = crate::common::with_limits(InterpreterState::Persistent, limits);
    prints(&mut python, &format!("import os\nheap = b'x' * {BYTES}\nrounds = 0"));
    let step = "for _ in range(500_000): rounds += 1";
    while python.stats().fuel_used < 3 * FUEL_PER_BYTE * BYTES {
        prints(&mut python, step);
    }
    // Some of the memory is the interpreter's own.
    let most = FUEL_PER_BYTE * (BYTES + (8 << 20));
    let state = "print(rounds, len(heap), heap[-1])";
    let expected = prints(&mut python, state);
    for killed in 1..=3 {
        let before = python.stats().replayed_fuel;
        assert_eq!(fails(&mut python, "heap = rounds = None\nos._exit(1)").failure, Some(Failure::Crashed));
        assert_eq!(prints(&mut python, state), expected);
        let replayed = python.stats().replayed_fuel - before;
        assert!(replayed <= most, "{killed}: {replayed} of {most}");
    }
    // Replays count as what a snapshot is worth, so they end.
    let all = python.stats().replayed_fuel;
    assert!(all <= 2 * most, "{all} of {most}");
}
