//! What collecting cyclic garbage costs: the fuel of programs that allocate much, with the guest's rule
//! (`guest/python/gym_guest/collector.py`), with CPython's own threshold, and without collections.
//!
//! `cargo run --release -p sandbox --example garbage`

#![allow(clippy::print_stdout)] // the table is the purpose

use std::sync::{Arc, Mutex};

use sandbox::{
    Config, Error, Failure, InterpreterState, Limits, Options, Sandbox, Semantics, ToolCall, ToolError,
    ToolErrorKind, ToolHost,
};
use serde_json::Value;

/// One program per block, with its name in the first line.
const PROGRAMS: &str = include_str!("programs.py");

/// The ways to run a program: a name, and the code in front of it.
const WAYS: [(&str, &str); 3] = [
    ("here", ""),
    ("CPython's threshold", "import gc; gc.callbacks.clear()\n"),
    ("no collections", "import gc; gc.disable()\n"),
];

fn main() -> Result<(), Error> {
    let sandbox = Sandbox::new(&Options::default())?;
    println!("| fuel in 10^9 | {} |", WAYS.map(|(name, _)| name).join(" | "));
    println!("|---|{}", "---|".repeat(WAYS.len()));
    for program in PROGRAMS.split("# ---\n") {
        let name = program.lines().next().unwrap_or_default().trim_start_matches("# ");
        let cells: Vec<String> = WAYS
            .iter()
            .map(|(_, before)| fuel(&sandbox, &format!("{before}{program}")))
            .collect::<Result<_, _>>()?;
        println!("| {name} | {} |", cells.join(" | "));
    }
    Ok(())
}

/// The fuel of a program in a new interpreter, or how it failed.
fn fuel(sandbox: &Sandbox, program: &str) -> Result<String, Error> {
    let config = Config {
        state: InterpreterState::Reset,
        semantics: Semantics::Script,
        seed: 0,
        limits: Limits { fuel: 1 << 40, ..Limits::default() },
        tools: Vec::new(),
        record_definitions: false,
    };
    let outcome = sandbox.interpreter(config, Arc::new(Mutex::new(NoTools)))?.run(program)?;
    Ok(match outcome.failure {
        None => format!("{:.2}", outcome.fuel_used as f64 / 1e9),
        Some(Failure::OutOfMemory) => "out of memory".to_owned(),
        Some(failure) => format!("{failure:?}"),
    })
}

struct NoTools;

impl ToolHost for NoTools {
    fn call(&mut self, _call: &ToolCall) -> Result<Value, ToolError> {
        Err(ToolError { kind: ToolErrorKind::Runtime, message: "There are no tools.".to_owned() })
    }
}
