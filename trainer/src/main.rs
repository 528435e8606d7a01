//! The trainer's commands.

mod command;

use std::process::ExitCode;

use clap::Parser;
use command::Command;
use trainer::train::Failure;
use trainer::{Error, cuda, openmp};

/// Trains and serves Llama, Qwen2 and Qwen3 models and their adapters, without Python.
#[derive(Parser)]
#[command(version = concat!(env!("CARGO_PKG_VERSION"), " ", env!("GIT_COMMIT")), arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    openmp::wait_briefly();
    cuda::load();
    match Arguments::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            match error {
                Error::Training(Failure::Interrupted { .. }) => {
                    ExitCode::from(lifecycle::interrupt::EXIT_CODE)
                }
                _ => ExitCode::FAILURE,
            }
        }
    }
}
