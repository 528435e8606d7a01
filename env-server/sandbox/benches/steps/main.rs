//! The duration of steps and the memory of an interpreter, compared with peers: a new CPython process per
//! step, a Jupyter kernel, and eryx. They take turns, so that other load on the machine affects all of them
//! equally.
//!
//! `cargo bench -p sandbox --bench steps`. `PYTHON` names the CPython to compare with, `BENCH_PYTHON` a
//! Python that has the other two (`scripts/bench_python.sh` makes one). Missing peers are skipped.

#![allow(clippy::print_stdout)] // the report is the purpose

#[path = "../common/mod.rs"]
mod common;
mod ours;
mod peers;
mod side;

use std::env;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use common::quantile;
use ours::{HISTORIES, Ours};
use peers::{FreshProcess, InPython};
use side::Side;

/// The number of turns that each side has at an operation, and the length of a turn.
const ROUNDS: usize = 5;
const TURN: Duration = Duration::from_millis(300);

/// The timed operations: name, how many are timed as one, and our aim for the median in milliseconds.
const OPERATIONS: [(&str, f64, Option<f64>); 11] = [
    ("new interpreter", 1.0, None),
    ("new interpreter and its first step", 1.0, Some(0.6)),
    ("step in a resetting interpreter", 1.0, None),
    ("step in a live interpreter", 1.0, Some(0.025)),
    ("step of nothing", 1.0, None),
    ("tool call", 1000.0, Some(0.006)),
    ("fork after 100 steps", 1.0, Some(1.0)),
    ("  into one that was forked into before", 1.0, None),
    ("first step of a fork", 1.0, None),
    ("new interpreter and those 100 steps", 1.0, None),
    ("3 million rounds of a loop", 1.0, None),
];
/// The aim for the p99 of waking, in milliseconds.
const WAKE_AIM: f64 = 5.0;
/// The aim for the memory of an interpreter, in MB.
const MEMORY_AIM: f64 = 1.0;

fn main() {
    println!("{}", common::machine());
    let ours = Ours::new();
    let (fuel, fuel_per_second) = ours.fuel();
    let kept = HISTORIES.map(|(history, steps, snapshot)| {
        let (memory, disk) = ours.kept_bytes(steps);
        assert_eq!(disk > 0, snapshot, "{history}");
        format!("kept after {history}: {memory} bytes in memory, {disk} on disk")
    });
    let mut sides = sides(ours);

    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let mut header = vec!["medians, in ms", sides[0].name(), "p99", "aim"];
    header.extend(sides[1..].iter().map(|side| side.name()));
    table.set_header(header);
    for (operation, in_one, aim) in OPERATIONS {
        table.add_row(times(&mut sides, operation, in_one, aim.map(|aim| (aim, 0.5))));
    }
    for (history, ..) in HISTORIES {
        table.add_row(times(&mut sides, &format!("hibernate after {history}"), 1.0, None));
        let wake = format!("wake, and a step, after {history}");
        table.add_row(times(&mut sides, &wake, 1.0, Some((WAKE_AIM, 0.99))));
    }
    let megabytes: Vec<_> = sides.iter_mut().map(|side| Some(side.private_bytes() / 1e6)).collect();
    let aim = megabytes[0].map(|ours| met(MEMORY_AIM, ours));
    table.add_row(row("private memory of a live one, in MB", &megabytes, 2, None, aim));

    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    println!("A peer's ratio is to ours. p99 is ours. A wake's aim is for its p99.");
    println!(
        "A CPython process runs the 100 steps as one. eryx forks by pickling the variables it can pickle."
    );
    println!("The loop's fuel: {:.0} M, {:.0} M a second", fuel / 1e6, fuel_per_second / 1e6);
    println!("{}", kept.join("\n"));
}

/// Our sandbox, and the available peers.
fn sides(ours: Ours) -> Vec<Box<dyn Side>> {
    let mut sides: Vec<Box<dyn Side>> = vec![Box::new(ours)];
    match FreshProcess::find(&env::var("PYTHON").unwrap_or_else(|_| "python3".into())) {
        Ok(peer) => sides.push(Box::new(peer)),
        Err(why) => println!("CPython process: skipped, {why}"),
    }
    let python = env::var("BENCH_PYTHON").ok().filter(|python| !python.is_empty());
    let scripts = [("Jupyter kernel", include_str!("jupyter.py")), ("eryx", include_str!("eryx.py"))];
    for (name, script) in scripts {
        let Some(python) = &python else {
            println!(
                "{name}: skipped; BENCH_PYTHON=$(scripts/bench_python.sh), with a Python of 3.12 or newer, has it"
            );
            continue;
        };
        match InPython::start(name, python, script) {
            Ok(peer) => sides.push(Box::new(peer)),
            Err(why) => println!("{name}: skipped, {why}"),
        }
    }
    sides
}

/// A row of the table. `aim` is the aim in milliseconds and the quantile of our times that it is for.
fn times(sides: &mut [Box<dyn Side>], operation: &str, in_one: f64, aim: Option<(f64, f64)>) -> Vec<String> {
    let mut all = vec![Vec::new(); sides.len()];
    for _ in 0..ROUNDS {
        for (side, times) in sides.iter_mut().zip(&mut all) {
            times.extend(side.times(operation, TURN));
        }
    }
    let at = |times: &mut Vec<Duration>, share| (!times.is_empty()).then(|| quantile(times, share) / in_one);
    let p99 = at(&mut all[0], 0.99).map(|p99| format!("{p99:.3}"));
    let aim = aim.and_then(|(aim, share)| Some(met(aim, at(&mut all[0], share)?)));
    let medians: Vec<_> = all.iter_mut().map(|times| at(times, 0.5)).collect();
    row(operation, &medians, 3, p99, aim)
}

fn met(aim: f64, value: f64) -> String {
    format!("<= {aim} {}", if value <= aim { "met" } else { "missed" })
}

/// A row of values, ours first. A peer's value is followed by its ratio to ours.
fn row(
    what: &str,
    values: &[Option<f64>],
    digits: usize,
    p99: Option<String>,
    aim: Option<String>,
) -> Vec<String> {
    let number = |value: f64| format!("{value:.digits$}");
    let ours = values[0];
    let peer = |value: &Option<f64>| match (*value, ours) {
        (Some(value), Some(ours)) => {
            let ratio = value / ours;
            let digits = if ratio < 10.0 { 1 } else { 0 };
            format!("{}  ({ratio:.digits$}x)", number(value))
        }
        (value, _) => value.map(number).unwrap_or_default(),
    };
    let ours = ours.map(number).unwrap_or_default();
    let mut row = vec![what.into(), ours, p99.unwrap_or_default(), aim.unwrap_or_default()];
    row.extend(values[1..].iter().map(peer));
    row
}
