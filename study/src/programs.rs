//! The programs that stages run. They are in the folder of this program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// A program of this repository.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Program {
    /// Generates tasks, and runs the interpreters of every episode.
    EnvServer,
    /// Plays episodes.
    Agent,
    /// Makes, trains and serves models.
    Trainer,
    /// Writes reports.
    Analysis,
}

impl Program {
    /// The name of its executable.
    pub fn name(self) -> &'static str {
        match self {
            Self::EnvServer => "env-server",
            Self::Agent => "agent",
            Self::Trainer => "trainer",
            Self::Analysis => "analysis",
        }
    }
}

/// The programs and their builds.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
    records: Vec<(Program, proto::study::Program)>,
}

impl Programs {
    /// Finds the programs beside this one, and asks each for its version.
    ///
    /// # Errors
    /// If one is missing or does not start.
    pub fn find() -> Result<Self> {
        let own = std::env::current_exe().context("finding the path of this program")?;
        let folder = own.parent().unwrap_or(Path::new(".")).to_owned();
        let all = [Program::EnvServer, Program::Agent, Program::Trainer, Program::Analysis];
        let records = all.into_iter().map(|program| Ok((program, record(program, &folder)?)));
        Ok(Self { records: records.collect::<Result<_>>()?, folder })
    }

    /// The path of a program's executable.
    pub fn path(&self, program: Program) -> PathBuf {
        executable(&self.folder, program)
    }

    /// The builds of some of them.
    pub fn records(&self, programs: &[Program]) -> Vec<proto::study::Program> {
        let of = |program: &Program| self.records.iter().find(|(this, _)| this == program);
        programs.iter().filter_map(of).map(|(_, record)| record.clone()).collect()
    }

    /// The SHA-256 of a program's executable.
    pub fn sha256(&self, program: Program) -> &str {
        self.records.iter().find(|(this, _)| *this == program).map_or("", |(_, record)| &record.sha256)
    }
}

fn executable(folder: &Path, program: Program) -> PathBuf {
    folder.join(format!("{}{}", program.name(), std::env::consts::EXE_SUFFIX))
}

fn record(program: Program, folder: &Path) -> Result<proto::study::Program> {
    let path = executable(folder, program);
    let build = "`make experiment` and `make trainer` build what a study needs";
    ensure!(path.is_file(), "there is no program {}; {build}", path.display());
    let output = Command::new(&path).arg("--version").output();
    let output = output.with_context(|| format!("starting {}", path.display()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} does not start: {}; {build}", path.display(), errors.trim());
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let sha256 = files::digest::file(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(proto::study::Program { name: program.name().to_owned(), version, sha256 })
}
