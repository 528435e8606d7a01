//! `env-server generate`.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::generate;
use crate::task_config::TaskConfig;

/// Write the tasks that a config describes. Existing tasks are kept, so an
/// interrupted run can be resumed. The same config always gives the same bytes.
#[derive(Args)]
#[command(after_help = "\
Examples:
  env-server generate --config task_configs/easy.json --out runs/tasks/easy
  env-server generate --config task_configs/eval_medium.json --out runs/tasks/eval_medium")]
pub struct Generate {
    /// What to generate (see task_configs/README.md).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// Folder for the task set; the config's `out_dir` if not given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Only read the config; the exit status says whether it can be used.
    #[arg(long)]
    check: bool,
}

impl Generate {
    /// Generates, with progress on standard error and a summary on standard output.
    pub fn run(self) -> anyhow::Result<()> {
        let config = TaskConfig::read(&self.config)?;
        if self.check {
            return Ok(());
        }
        let out = self.out.unwrap_or_else(|| config.out_dir.clone());
        let report = generate::run(&config, &out, &generate::progress_bar())?;
        let generate::Report { written, skipped, failed } = report;
        writeln!(
            std::io::stdout(),
            "{}: {written} tasks written, {skipped} already there, {failed} failed",
            out.display()
        )
        .context("writing to stdout")?;
        if failed > 0 {
            bail!("{failed} tasks could not be generated; see {}", out.join("logs/errors.jsonl").display());
        }
        Ok(())
    }
}
