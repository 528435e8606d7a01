//! An interpreter with a history, from which one can see whether an attack changed its state.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use sandbox::{Failure, Interpreter, InterpreterState, Limits, Outcome};

use crate::common::{prints, with_limits};

/// Small limits, so that an attack ends soon.
pub fn small() -> Limits {
    // The wall clock is far away, so that fuel ends attacks even on a busy machine.
    let wall_clock = Duration::from_secs(600);
    Limits { fuel: 500_000_000, wall_clock, memory_bytes: 64 << 20, tool_calls: 3, ..Limits::default() }
}

/// Prints what the history defined, and what it changed in modules.
const STATE: &str = "print(kept, twice(4), thing.x, random.random(), json.mark, next(numbers))";

/// Checks every piece of code, and fails at the end if any check failed.
#[track_caller]
pub fn each<C: AsRef<str>>(codes: &[C], check: impl Fn(&str)) {
    let fails = |code: &&C| std::panic::catch_unwind(AssertUnwindSafe(|| check(code.as_ref()))).is_err();
    let failed = codes.iter().filter(fails).count();
    assert_eq!(failed, 0, "of {} pieces of code", codes.len());
}

/// A persistent interpreter that has run a few steps.
pub fn with_history(limits: &Limits) -> Interpreter {
    let mut python = with_limits(InterpreterState::Persistent, limits.clone());
    prints(
        &mut python,
        "import random\nkept = [1, {'a': 2}]\nnumbers = (n * n for n in range(9))\nnext(numbers)",
    );
    prints(
        &mut python,
        "def twice(n): return 2 * n\nclass Thing: x = 3\nthing = Thing()\njson.mark = 'there'",
    );
    python
}

/// What [`STATE`] prints without an attack.
fn undisturbed(limits: &Limits) -> String {
    prints(&mut with_history(limits), STATE)
}

/// Checks that an outcome is within the limits, whatever the code did.
#[track_caller]
pub fn is_bounded(code: &str, limits: &Limits, outcome: &Outcome) {
    assert!(outcome.fuel_used <= limits.fuel, "{code}");
    assert!(outcome.output.len() <= limits.output_bytes, "{code}: {} bytes", outcome.output.len());
    let error = outcome.error.as_ref().map_or(0, String::len);
    assert!(error <= limits.output_bytes + " [cut]".len(), "{code}: {error} bytes of error");
    let names: usize = outcome.globals.iter().map(String::len).sum();
    assert!(names < 4 * 33_000, "{code}: {names} bytes of names");
    let definitions: usize = outcome.definitions.iter().map(|d| d.name.len() + d.digest.len()).sum();
    assert!(definitions < 500_000, "{code}: {definitions} bytes of definitions");
    if let Some(Failure::Exception { type_name }) = &outcome.failure {
        assert!(type_name.len() <= 1_000, "{code}: {} bytes of class name", type_name.len());
    }
    assert!(outcome.tool_calls.len() <= limits.tool_calls as usize, "{code}");
}

/// Runs an attack that must kill its step, and checks that nothing else changed.
#[track_caller]
pub fn is_killed(limits: &Limits, code: &str, expected: &[Failure]) {
    let mut python = with_history(limits);
    let before = python.globals().to_vec();
    let outcome = python.run(code).unwrap();
    is_bounded(code, limits, &outcome);
    let failure = outcome.failure.unwrap_or_else(|| panic!("{code}\nended by itself: {:?}", outcome.output));
    assert!(expected.contains(&failure), "{code}\n{failure:?}: {:?}", outcome.error);
    assert_eq!(outcome.globals, before, "{code}");
    assert_eq!(prints(&mut python, STATE), undisturbed(limits), "{code}");
}

/// Runs an attack that may end in any way, and checks that the interpreter is usable afterwards.
#[track_caller]
pub fn is_survived(limits: &Limits, code: &str) -> Outcome {
    let mut python = with_history(limits);
    let outcome = python.run(code).unwrap();
    is_bounded(code, limits, &outcome);
    let after = python.run("print(kept, twice(4), len(str(count())))").unwrap();
    assert_eq!(after.output, "[1, {'a': 2}] 8 1\n", "{code}\n{outcome:?}\n{after:?}");
    outcome
}

/// Runs an attack that may break its interpreter permanently. Checks that later outcomes are still bounded,
/// and that another interpreter works.
#[track_caller]
pub fn is_contained(limits: &Limits, code: &str) {
    let mut python = with_history(limits);
    for code in [code, "print(kept)", "print(kept)"] {
        let outcome = python.run(code).unwrap();
        is_bounded(code, limits, &outcome);
    }
    assert_eq!(
        prints(&mut with_limits(InterpreterState::Reset, limits.clone()), "print(count())"),
        "1\n",
        "{code}"
    );
}
