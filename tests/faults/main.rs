//! `faults`: plays many episodes on a server that stores them, kills and disturbs it in every way, and compares each answer with
//! that of a server which nobody disturbs. `make faults` runs it for ten minutes.
//!
//! | file        | what it holds                                                             |
//! |-------------|---------------------------------------------------------------------------|
//! | `arguments` | the command line                                                          |
//! | `draw`      | numbers that follow from a seed                                           |
//! | `script`    | the calls of one episode and its forks, drawn; `blocks`: their Python     |
//! | `player`    | a script's calls are made on one server                                   |
//! | `step`      | the three ways to send a step                                             |
//! | `answer`    | answers, as they came and without what may differ                         |
//! | `known`     | what a client knows of an episode                                         |
//! | `session`   | a script is played on the disturbed server, and every answer is compared  |
//! | `world`     | what sessions share                                                       |
//! | `proxy`     | the address that stays, and connections that are cut                      |
//! | `server`    | a server's process                                                        |
//! | `stage`     | the disturbed server, its folder and its sessions                         |
//! | `kinds`     | the kinds of disturbances                                                 |
//! | `plan`      | which kind comes when                                                     |
//! | `tally`     | what is counted                                                           |
//! | `report`    | tables                                                                    |

#![allow(clippy::print_stdout)] // the report is the output

mod answer;
mod arguments;
mod blocks;
mod draw;
mod kinds;
mod known;
mod plan;
mod player;
mod proxy;
mod report;
mod script;
mod server;
mod session;
mod stage;
mod step;
mod tally;
mod world;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser as _;
use tests::until_interrupted;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match until_interrupted(plan::run(&arguments)).await {
        Ok(Ok(mut report)) => {
            println!("{}", report.tables());
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Ok(Err(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        Err(status) => status,
    }
}
