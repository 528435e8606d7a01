//! `load`: plays many sessions at once on an environment server, a process of its own, and measures steps, latencies, errors,
//! memory and processors. `make load` runs its scenarios.
//!
//! | file          | what it holds                                                            |
//! |---------------|--------------------------------------------------------------------------|
//! | `arguments`   | the command line                                                         |
//! | `scenarios`   | loads that are played in turn, and what follows from them                |
//! | `measure`     | one load, measured                                                       |
//! | `pace`        | when steps are sent: closed and open loop                                |
//! | `player`      | what plays: one session, or several that share calls                     |
//! | `episodes`    | sessions of an environment server                                        |
//! | `openenv`     | sessions of OpenEnv, the peer; its environment is in `openenv_server.py`        |
//! | `guests`      | hostile neighbours: endless steps, abandoned episodes, cancelled calls   |
//! | `connections` | connections that sessions share                                          |
//! | `servers`     | the servers under load, as child processes                               |
//! | `process`     | memory and processor time of a process                                   |
//! | `tally`       | latencies, steps and errors, counted                                     |
//! | `report`      | tables and JSON                                                          |

#![allow(clippy::print_stdout)] // the report is the output

mod arguments;
mod connections;
mod episodes;
mod guests;
mod measure;
mod openenv;
mod pace;
mod player;
mod process;
mod report;
mod scenarios;
mod servers;
mod tally;

use std::process::ExitCode;

use anyhow::Result;
use arguments::{Arguments, Command};
use clap::Parser as _;
use report::Report;
use tests::until_interrupted;
use tokio::runtime;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut runtime = match arguments.threads {
        1 => runtime::Builder::new_current_thread(),
        _ => runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.worker_threads(arguments.threads).enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(arguments))) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let mut report = Report::default();
    let work = async {
        match &arguments.command {
            Command::Play(play) => report.loads.push(play.run().await?),
            Command::Scenarios(terms) => scenarios::run(terms, &mut report).await?,
        }
        anyhow::Ok(())
    };
    match until_interrupted(work).await {
        Ok(outcome) => outcome?,
        Err(status) => return Ok(status),
    }
    println!("{}", report.tables());
    if let Some(path) = &arguments.json {
        report.write(path)?;
    }
    Ok(if report.problems().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
