//! Reports which parts of Python's standard library work in the sandbox, by trying them in the sandbox.

#![allow(clippy::print_stdout)] // the tables are the purpose

mod differences;
mod document;
mod modules;
mod survey;

use std::fs;
use std::process::ExitCode;

use sandbox::{Options, Sandbox};
use survey::Survey;

const USAGE: &str = "\
Reports which parts of Python's standard library work in the sandbox.

Usage: standard_library                          prints the tables
       standard_library --update FILE            regenerates the document's tables
       standard_library --update FILE --check    fails if that would change it

Example:
  cargo run --release -p sandbox --example standard_library -- --update docs/STANDARD_LIBRARY.md";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => print(),
        ["--update", file] => update(file, false),
        ["--update", file, "--check"] | ["--check", "--update", file] => update(file, true),
        ["--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print() -> Result<(), String> {
    for (_, part) in document::parts(&survey()?) {
        println!("{part}");
    }
    Ok(())
}

fn update(file: &str, check: bool) -> Result<(), String> {
    let in_file = |error: &dyn std::fmt::Display| format!("{file}: {error}");
    let old = fs::read_to_string(file).map_err(|error| in_file(&error))?;
    let new = document::update(&old, &survey()?).map_err(|error| in_file(&error))?;
    if new == old {
        return Ok(());
    }
    if check {
        return Err(format!("{file} is not what the sandbox says now; run the same command without --check"));
    }
    fs::write(file, new).map_err(|error| in_file(&error))
}

fn survey() -> Result<Survey, String> {
    Sandbox::new(&Options::default())
        .and_then(|sandbox| Survey::of(&sandbox))
        .map_err(|error| error.to_string())
}
