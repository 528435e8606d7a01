//! Seconds per fuel of many programs of the standard library, as multiples of a plain loop's. Fuel stands for
//! processor time, so no program should get much more time for its fuel than another.
//!
//! `cargo bench -p sandbox --bench fuel`. Words after `--` select the programs whose names contain one of them.

#![allow(clippy::print_stdout)] // the report is the purpose

#[path = "../common/mod.rs"]
#[allow(dead_code)] // it needs the least of it
mod common;
mod programs;

use std::time::Duration;
use std::{env, fs};

use comfy_table::{CellAlignment, Table, presets};
use programs::{LOOP, PROGRAMS, Program};
use sandbox::{Config, InterpreterState, Limits, Options, Sandbox, Semantics};

/// The processor time that a program's repetitions should take, together.
const TIME: Duration = Duration::from_millis(40);
/// The most repetitions, of a program that takes almost no time.
const MAX_REPETITIONS: u64 = 1 << 26;
/// The aim for the ratio to a plain loop, in both directions.
const AIM: f64 = 4.0;

fn main() {
    println!("{}", common::machine());
    let sandbox = Sandbox::new(&Options::default()).expect("the sandbox starts");
    let words: Vec<_> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let selected =
        |(name, ..): &&Program| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let plain = measure(&sandbox, &LOOP).expect("the loop works");
    let mut rows: Vec<_> = PROGRAMS
        .iter()
        .filter(selected)
        .filter_map(|program| Some((program.0, measure(&sandbox, program)?)))
        .map(|(name, used)| (name, used, used.per_fuel() / plain.per_fuel()))
        .collect();
    rows.push((LOOP.0, plain, 1.0));
    rows.sort_by(|(.., left), (.., right)| right.total_cmp(left));

    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["program", "ms", "10^6 fuel", "ns per 1000 fuel", "ratio to the loop"]);
    for (name, used, ratio) in &rows {
        table.add_row([
            (*name).to_owned(),
            format!("{:.1}", used.nanoseconds / 1e6),
            format!("{:.1}", used.fuel / 1e6),
            format!("{:.0}", 1e3 * used.per_fuel()),
            format!("{ratio:.2}"),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    let beyond = rows.iter().filter(|(.., ratio)| *ratio > AIM).count();
    let below = rows.iter().filter(|(.., ratio)| *ratio < 1.0 / AIM).count();
    println!("{} programs: {beyond} above {AIM}, {below} below 1/{AIM}", rows.len());
}

/// What some repetitions of a program used.
#[derive(Clone, Copy)]
struct Used {
    /// Of processor time.
    nanoseconds: f64,
    fuel: f64,
}

impl Used {
    fn per_fuel(self) -> f64 {
        self.nanoseconds / self.fuel
    }
}

/// What a program uses beyond its preparation, with as many repetitions as take [`TIME`]; `None` if it fails.
fn measure(sandbox: &Sandbox, program: &Program) -> Option<Used> {
    let nothing = run(sandbox, program, 0)?;
    let mut repetitions = 1;
    loop {
        let all = run(sandbox, program, repetitions)?;
        let used = Used { nanoseconds: all.nanoseconds - nothing.nanoseconds, fuel: all.fuel - nothing.fuel };
        if used.nanoseconds >= TIME.as_nanos() as f64 || repetitions >= MAX_REPETITIONS {
            return Some(used);
        }
        let more = TIME.as_nanos() as f64 / used.nanoseconds.max(1e6) * 1.2;
        repetitions = (repetitions as f64 * more.max(1.5)).ceil() as u64;
    }
}

fn run(sandbox: &Sandbox, (name, prepare, repeat): &Program, repetitions: u64) -> Option<Used> {
    let config = Config {
        state: InterpreterState::Reset,
        semantics: Semantics::Script,
        seed: 1,
        limits: Limits { fuel: u64::MAX, wall_clock: Duration::from_secs(600), ..Limits::default() },
        tools: Vec::new(),
        record_definitions: false,
    };
    let mut python = sandbox.interpreter(config, common::tools()).expect("a config without tools is valid");
    let code = format!(
        "def program():\n  {}\n  for repetition in range({repetitions}):\n    {}\nprogram()\n",
        prepare.replace('\n', "\n  "),
        repeat.replace('\n', "\n    ")
    );
    let before = processor_time();
    let outcome = python.run(&code).expect("the sandbox works");
    let after = processor_time();
    if let Some(error) = outcome.error {
        println!("{name}: fails\n{error}");
        return None;
    }
    Some(Used { nanoseconds: (after - before) as f64, fuel: outcome.fuel_used as f64 })
}

/// The time in nanoseconds that this thread has run on a processor.
fn processor_time() -> u64 {
    let statistics =
        fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts the thread's time");
    let first = statistics.split_whitespace().next().and_then(|time| time.parse().ok());
    first.expect("the first number is the thread's time")
}
