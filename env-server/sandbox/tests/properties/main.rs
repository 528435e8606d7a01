//! Determinism as a property: programs at random give the same to the byte, fuel included, wherever they run.

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

/// A sandbox with an engine and places of its own.
static OTHER: LazyLock<Sandbox> =
    LazyLock::new(|| Sandbox::new(&Options { max_interpreters: 2, ..Options::default() }).unwrap());

/// All that a program's steps gave, but the time that they took.
fn run(sandbox: &Sandbox, program: &Program) -> Vec<String> {
    run_with(sandbox, program, |_, python| python)
}

/// The same, with something done to the interpreter before each step, which is given by its number.
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
    fn another_interpreter_and_another_sandbox_give_the_same(program in grammar::program()) {
        let first = run(&SANDBOX, &program);
        prop_assert_eq!(&first, &run(&SANDBOX, &program));
        prop_assert_eq!(&first, &run(&OTHER, &program));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_copy_and_one_that_slept_give_the_same(program in grammar::program()) {
        // The first step is long enough for what sleeps after it to be packed.
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
            // A copy's tools are its own, and count anew.
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
fn another_process_gives_the_same_whatever_its_environment() {
    let programs = programs();
    let mine: Vec<_> = programs.iter().map(|program| run(&SANDBOX, program)).collect();
    if std::env::var_os(CHILD).is_some() {
        // For the parent, one line a program.
        let lines: String = mine.iter().map(|outcomes| format!("\n{BEGIN}{outcomes:?}")).collect();
        println!("{lines}");
        return;
    }
    are_worth_running(&mine.concat());
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["another_process_gives_the_same_whatever_its_environment", "--exact", "--nocapture"])
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

/// The programs are of use only if most of them get somewhere, and in many ways.
fn are_worth_running(outcomes: &[String]) {
    for (what, least) in [
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
        assert!(share >= least, "of {} steps, {what}: {share}", outcomes.len());
    }
}
