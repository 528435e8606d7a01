//! Recovery: a step that kills a persistent interpreter is undone.

#![allow(clippy::unwrap_used)] // helpers are tests too

mod common;

use std::sync::{Arc, Mutex};

use common::{Counter, SANDBOX, config, counter, fails, interpreter, persistent, prints};
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
