//! `agent drills`.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use clap::Args;

use crate::teachers::drills;

#[derive(Debug, Args)]
pub struct DrillsArgs {
    /// What the model has to copy.
    #[arg(long)]
    kind: drills::Kind,
    /// The number of conversations.
    #[arg(long, value_name = "N")]
    count: u64,
    /// Seed; the n-th conversation depends only on the kind and on seed + n.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The file to write (JSON lines); an existing file is replaced.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl DrillsArgs {
    pub fn run(self) -> Result<u8, Box<dyn Error>> {
        let failed = |error| format!("{}: {error}", self.out.display());
        if let Some(folder) = self.out.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = BufWriter::new(File::create(&self.out).map_err(failed)?);
        drills::write(self.kind, self.count, self.seed, &mut file).map_err(failed)?;
        Ok(0)
    }
}
