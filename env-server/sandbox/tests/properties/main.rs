//! Determinism as a property: random programs have the same outcomes, fuel included, wherever they run.

#![allow(clippy::unwrap_used)] // helpers are tests too

#[path = "../common/mod.rs"]
mod common;

mod grammar;

use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use common::{Counter, SANDBOX, config, counter};
use grammar::Program;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sandbox::{Config, Interpreter, Limits, Options, Outcome, Sandbox};

/// A second sandbox with its own engine and places.
static OTHER: LazyLock<Sandbox> =
    LazyLock::new(|| Sandbox::new(&Options { max_interpreters: 2, ..Options::default() }).unwrap());

/// The outcomes of a program's steps, without their duration.
fn run(sandbox: &Sandbox, program: &Program) -> Vec<String> {
    run_with(sandbox, program, |_, python| python)
}

/// The same as [`run`]; `between` is called before each step with the step's number.
fn run_with(
    sandbox: &Sandbox,
    program: &Program,
    between: impl Fn(usize, Interpreter) -> Interpreter,
) -> Vec<String> {
    let limits = Limits { fuel: 40_000_000, output_bytes: 4 << 10, tool_calls: 5, ..Limits::default() };
    let Program { state, seed, steps } = program;
    let config =
        Config { limits, seed: *seed, tools: Counter::tools(), record_definitions: true, ..config(*state) };
    let mut python = sandbox.interpreter(config, counter().0).unwrap();
    let mut outcomes = Vec::new();
    for (number, code) in steps.iter().enumerate() {
        python = between(number, python);
        outcomes.push(format!("{:?}", Outcome { wall: Duration::ZERO, ..python.run(code).unwrap() }));
    }
    outcomes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn another_interpreter_and_another_sandbox_give_the_same_outcomes(program in grammar::program()) {
        let first = run(&SANDBOX, &program);
        prop_assert_eq!(&first, &run(&SANDBOX, &program));
        prop_assert_eq!(&first, &run(&OTHER, &program));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn forked_and_hibernated_interpreters_give_the_same_outcomes(program in grammar::program()) {
        // The first step is long enough that hibernation takes a snapshot.
        let mut program = program;
        program.steps.insert(0, "spent = sum(n for n in range(12_000))".to_owned());
        let expected = run(&SANDBOX, &program);
        let forked = run_with(&SANDBOX, &program, |_, mut python| {
            let fork = python.fork(counter().0).unwrap();
            drop(python);
            fork
        });
        let slept = run_with(&SANDBOX, &program, |_, mut python| {
            python.hibernate();
            python
        });
        let both = run_with(&SANDBOX, &program, |number, mut python| {
            python.hibernate();
            if number % 2 == 0 { python } else { python.fork(counter().0).unwrap() }
        });
        prop_assert_eq!(&expected, &slept);
        if !expected.iter().any(|outcome| outcome.contains("ToolRecord")) {
            // A fork has new tools, which count from zero.
            prop_assert_eq!(&expected, &forked);
            prop_assert_eq!(&expected, &both);
        }
    }
}

/// The same programs in every process.
fn programs() -> Vec<Program> {
    let mut runner = TestRunner::deterministic();
    let strategy = grammar::program();
    (0..1_000).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

const CHILD: &str = "SANDBOX_TEST_OUTCOMES";
const BEGIN: &str = "outcomes:";

#[test]
fn another_process_gives_the_same_outcomes_in_any_environment() {
    let programs = programs();
    let mine: Vec<_> = programs.iter().map(|program| run(&SANDBOX, program)).collect();
    if std::env::var_os(CHILD).is_some() {
        // One line per program, for the parent process.
        let lines: String = mine.iter().map(|outcomes| format!("\n{BEGIN}{outcomes:?}")).collect();
        println!("{lines}");
        return;
    }
    have_enough_variety(&mine.concat());
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["another_process_gives_the_same_outcomes_in_any_environment", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .env("PYTHONHASHSEED", "123")
        .env("PYTHONSTARTUP", "/etc/hosts")
        .env("PYTHONPATH", "/")
        .env("TZ", "Pacific/Kiritimati")
        .env("LC_ALL", "tr_TR.UTF-8")
        .env("LANG", "ja_JP.SJIS")
        .current_dir("/")
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let printed = String::from_utf8(child.stdout).unwrap();
    let theirs: Vec<_> = printed.lines().filter_map(|line| line.strip_prefix(BEGIN)).collect();
    assert_eq!(theirs.len(), programs.len());
    for ((program, mine), theirs) in programs.iter().zip(&mine).zip(theirs) {
        assert_eq!(format!("{mine:?}"), theirs, "{program:?}");
    }
}

/// Checks that the programs cover enough kinds of outcomes for the comparison to mean something.
fn have_enough_variety(outcomes: &[String]) {
    for (what, min) in [
        ("success: true", 0.4),
        ("failure: Some(Exception", 0.05),
        ("failure: Some(Syntax", 0.01),
        ("failure: Some(OutOfFuel", 0.002),
        ("failure: Some(ToolCallLimit", 0.001),
        ("failure: Some(Crashed", 0.001),
        ("ToolRecord", 0.05),
    ] {
        let share =
            outcomes.iter().filter(|outcome| outcome.contains(what)).count() as f64 / outcomes.len() as f64;
        assert!(share >= min, "of {} steps, {what}: {share}", outcomes.len());
    }
}
