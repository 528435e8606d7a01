//! The command line: each command in its own file.
//!
//! | module     | what it holds                                     |
//! |------------|---------------------------------------------------|
//! | `run`      | `agent run`, and what other commands play         |
//! | `rollouts` | `agent rollouts`                                  |
//! | `teach`    | `agent teach`                                     |
//! | `chat`     | `agent chat`                                      |
//! | `drills`   | `agent drills`                                    |
//! | `watched`  | spans that are sent, and signals that stop        |

mod chat;
mod drills;
mod rollouts;
mod run;
mod teach;
mod watched;

use std::error::Error;
use std::ffi::OsString;

use clap::{Parser, Subcommand};

/// Plays tasks of an environment server: turns a model's answers into actions.
#[derive(Debug, Parser)]
#[command(name = "agent", version = concat!(env!("CARGO_PKG_VERSION"), " ", env!("GIT_COMMIT")), arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays every agent of a config on every task, and writes results and traces.
    ///
    /// Results go to <output_dir>/<run_name>. A run can be stopped (Ctrl-C or SIGTERM) and started again with
    /// the same command: completed episodes are not played again, failed ones are. The exit status is 0 if
    /// every episode has an evaluation, 1 otherwise, and 130 if the run was stopped.
    #[command(after_long_help = run::EXAMPLES)]
    Run(run::RunArgs),
    /// Plays every agent of a config on every task, as `run`, and writes training data of the good episodes.
    ///
    /// The agents are teachers that differ in their regime: one with `persistent_state: true`, one with `false`. A task is
    /// kept if every teacher's episode of it is good. For each teacher, --out gets a folder with messages.jsonl (as TRL,
    /// Axolotl and `trainer prepare --chat` read it), sharegpt.jsonl (LLaMA-Factory, Axolotl) and train.parquet (Hugging
    /// Face's datasets), and report.json says what was dropped and why. The run itself stays in <output_dir>/<run_name>.
    #[command(after_long_help = "Examples:
  Both scripted teachers on the tasks in tasks/easy, solved episodes only:
    agent teach --config agent_configs/teachers/pair.yaml --tasks-root tasks/easy --only-solved --out data/taught

  Other rules for the same episodes, without playing again:
    agent teach --from runs/teachers/pair --min-score 0.9 --max-total-tokens 20000 --out data/taught-short")]
    Teach(teach::TeachArgs),
    Chat(chat::ChatArgs),
    Rollouts(rollouts::RolloutsArgs),
    /// Writes short conversations that teach a small model to copy, for `trainer prepare --chat`.
    #[command(after_help = "Examples:
  agent drills --kind spans --count 20000 --out runs/drills/spans.jsonl
  agent drills --kind rows --count 5000 --seed 7 --out runs/drills/rows.jsonl")]
    Drills(drills::DrillsArgs),
}

/// Runs a command line, the program's name first, and says on standard error what went wrong. Returns the exit status.
pub fn main(arguments: Vec<OsString>) -> u8 {
    let outcome = match Cli::parse_from(arguments).command {
        Command::Run(args) => args.run(),
        Command::Teach(args) => args.run(),
        Command::Chat(args) => args.run(),
        Command::Drills(args) => args.run(),
        Command::Rollouts(args) => args.run(),
    };
    outcome.unwrap_or_else(|error: Box<dyn Error>| {
        eprintln!("error: {error}");
        1
    })
}
