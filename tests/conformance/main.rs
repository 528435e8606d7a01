//! `conformance`: replays recordings through a running environment server and reports where its answers differ.

mod interpreter;
mod report;
mod tool_transcripts;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use report::Report;

/// Replays recordings through a running environment server and reports where its
/// answers differ. tests/fixtures/README.md describes the formats; recordings from
/// elsewhere work as well as those in tests/fixtures.
#[derive(Parser)]
#[command(
    name = "conformance",
    version,
    after_help = "\
Examples:
  env-server serve --listen 127.0.0.1:50051 &
  conformance --env http://127.0.0.1:50051 tool-transcripts tests/fixtures/tool_transcripts
  conformance --env http://127.0.0.1:50051 interpreter tests/fixtures/interpreter/blocks.json \\
      --task tests/fixtures/interpreter/task.json

Exits with 0 if everything passed, 1 if something differed, 2 if it could not be run."
)]
struct Arguments {
    /// The server, e.g. http://127.0.0.1:50051.
    #[arg(long, value_name = "URL")]
    env: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tool calls with their recorded answers, errors and final result.
    ToolTranscripts {
        /// Folder of transcripts, one JSON file each.
        dir: PathBuf,
    },
    /// Sequences of code blocks with what each block answered.
    Interpreter {
        /// The recorded blocks, a JSON file.
        file: PathBuf,
        /// The task whose tools the blocks call.
        #[arg(long, value_name = "FILE")]
        task: PathBuf,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(report) => report.print(),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let client = client::connect(&arguments.env).await?;
    match &arguments.command {
        Command::ToolTranscripts { dir } => tool_transcripts::replay(client, dir).await,
        Command::Interpreter { file, task } => interpreter::replay(client, file, task).await,
    }
}
