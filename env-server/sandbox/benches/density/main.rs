//! How many interpreters fit into memory, and which limit is reached first; then how many more can be open
//! while most of them hibernate. Each part runs in its own process, so that none disturbs another.
//!
//! `cargo bench -p sandbox --bench density`. `LIVE` sets the numbers of interpreters in memory
//! (`1000,5000,10000,16000`), `ASLEEP` the number of open ones in the second part (`100000`), and `AWAKE` how
//! many of these are in memory at a time (`3000`).

#![allow(clippy::print_stdout)] // the report is the purpose

mod asleep;
#[path = "../common/mod.rs"]
mod common;
mod live;
mod usage;

use std::env;
use std::process::Command;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["live", count] => live::live(count.parse().expect("a number")),
        ["most"] => live::most(),
        ["asleep"] => asleep::asleep(number("ASLEEP", 100_000), number("AWAKE", 3_000)),
        _ => all(),
    }
}

/// Runs the parts, each in its own process.
fn all() {
    println!("{}", common::machine());
    println!("\n== Live at once, one step each");
    for count in env::var("LIVE").unwrap_or_else(|_| "1000,5000,10000,16000".into()).split(',') {
        part(&["live", count.trim()]);
    }
    println!("\n== As many as fit");
    part(&["most"]);
    println!("\n== Open, most of them asleep");
    part(&["asleep"]);
}

fn part(arguments: &[&str]) {
    let program = env::current_exe().expect("this program has a path");
    let status = Command::new(program).args(arguments).status().expect("it runs again");
    if !status.success() {
        println!("{} failed: {status}", arguments.join(" "));
    }
}

fn number(name: &str, default: usize) -> usize {
    env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
