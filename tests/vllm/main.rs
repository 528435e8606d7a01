//! `vllm`: plays episodes with a real model on a real vLLM server, CodeAct in both regimes and ReAct, and kills the server in
//! the middle of a run. `make test-vllm` installs what it needs.
//!
//! | file     | what it holds                               |
//! |----------|---------------------------------------------|
//! | `server` | a vLLM server as a child process            |
//! | `play`   | runs of the agent, and what they left behind |
//! | `checks` | what has to hold                            |

#![allow(clippy::print_stdout)] // what held is the output

mod checks;
mod play;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tests::until_interrupted;

/// Plays episodes with a real model on a real vLLM server, and says what held and what did not.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Example:
  target/release/vllm --python $(scripts/vllm.sh) --model $(scripts/smollm2.sh)"
)]
struct Arguments {
    /// A Python in which vLLM is installed.
    #[arg(long, value_name = "FILE")]
    python: PathBuf,
    /// A model's folder. Beside it are two adapters: the same path with -lora-a and -lora-b behind it.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Where runs and logs are left.
    #[arg(long, value_name = "DIR", default_value = "target/vllm/work")]
    out: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { python, model, out } = Arguments::parse();
    match until_interrupted(checks::all(&python, &model, &out)).await {
        Ok(Ok((passed, failed))) => {
            println!("{passed} passed, {failed} failed");
            if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Ok(Err(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
        Err(status) => status,
    }
}
