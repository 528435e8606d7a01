#![allow(clippy::print_stdout)] // what it prints is the result

//! A task set of N tasks: seconds to generate and to load it, memory that it takes then, and the time of a page and of a task.
//!
//!     cargo bench --workspace --bench task_set -- 100000
//!
//! `-- DIR` loads a set that is there already. Loading has a process of its own, whose memory is measured.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use env_server::catalog::{Catalog, Query};
use env_server::task_config::TaskConfig;
use env_server::task_set::TaskSet;
use env_server::{generate, memory};
use indicatif::ProgressBar;
use serde_json::json;

type Error = Box<dyn std::error::Error>;

/// Tasks, if the command line says nothing.
const TASKS: u64 = 10_000;
/// Pages of a listing, and tasks, that are timed.
const TIMED: usize = 100;

fn main() -> ExitCode {
    // Cargo adds an argument of its own.
    let argument = env::args().skip(1).find(|argument| argument != "--bench");
    let done = match argument.as_deref() {
        None => generate_and_load(TASKS),
        Some(argument) => match argument.parse() {
            Ok(tasks) => generate_and_load(tasks),
            Err(_) => load(Path::new(argument)),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Generates tasks as those of `task_configs/easy.json`, and loads them in another process.
fn generate_and_load(tasks: u64) -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let config = TaskConfig::parse(&json!({
        "out_dir": folder.path(), "run_name": "bench", "seed_start": 0,
        "knapsack": {
            "num_tasks": tasks, "n_items_range": [25, 40], "weight_range": [5, 20], "value_range": [10, 100],
            "classes": ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O"],
            "num_allowed_classes": 3, "capacity_ratio_range": [0.35, 0.5],
        },
    }))?;
    let started = Instant::now();
    let report = generate::run(&config, folder.path(), &ProgressBar::hidden())?;
    println!("generated {} tasks in {:.2} s", report.written, started.elapsed().as_secs_f64());
    let loaded = Command::new(env::current_exe()?).arg(folder.path()).status()?;
    if loaded.success() { Ok(()) } else { Err("loading failed".into()) }
}

fn load(root: &Path) -> Result<(), Error> {
    let mib = || memory::taken_bytes().map_or(0, |bytes| bytes >> 20);
    let (before, started) = (mib(), Instant::now());
    let set = TaskSet::load(root)?;
    let (tasks, refused) = (set.len(), set.refused().files);
    println!("loaded {tasks} tasks in {:.2} s", started.elapsed().as_secs_f64());
    println!("memory {before} MiB before, {} MiB after; {refused} files refused", mib());

    let catalog = Catalog::new(vec![set])?;
    let mut times = Vec::new();
    let mut ids = Vec::new();
    for index in 0..TIMED {
        let page_token = (index * tasks / TIMED).to_string();
        let query = Query { set: String::new(), family: String::new(), page_size: 0, page_token };
        let started = Instant::now();
        let page = catalog.list(&query).map_err(|error| error.to_string())?;
        times.push(started.elapsed());
        ids.extend(page.tasks.into_iter().next().map(|task| task.task_id));
    }
    println!("a page of up to 1000 tasks takes {:.0} us", median_us(&mut times));
    times.clear();
    for id in &ids {
        let started = Instant::now();
        catalog.find("", id).map_err(|error| error.to_string())?;
        times.push(started.elapsed());
    }
    println!("a task is read in {:.0} us", median_us(&mut times));
    Ok(())
}

fn median_us(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}
