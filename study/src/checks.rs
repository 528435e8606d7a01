//! Configs are checked before anything runs, each by the program that will read it: a misspelt key of the last
//! training must not be found after an hour.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::programs::Programs;
use crate::stage::{Kind, Stage};

/// What is wrong with the configs of these stages. Repeats differ in their seeds only, so one of each is asked about.
///
/// # Errors
/// If a program can't be asked.
pub fn problems(stages: &[&Stage], programs: &Programs) -> Result<Vec<String>> {
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let mut seen = vec![];
    let mut problems = vec![];
    for stage in stages {
        let name = stage.name.split_once('/').filter(|(first, _)| first.starts_with("seed"));
        let name = name.map_or(stage.name.as_str(), |(_, rest)| rest);
        let Some((file, text)) = stage.files.first().filter(|_| !seen.contains(&name)) else { continue };
        seen.push(name);
        let config = folder.path().join(file);
        std::fs::write(&config, text).with_context(|| format!("writing {}", config.display()))?;
        let command = match stage.kind {
            Kind::Tasks => "generate",
            Kind::Train => "train",
            _ => "run",
        };
        let program = programs.path(stage.program);
        let asked = Command::new(&program).args([command, "--check", "--config"]).arg(&config).output();
        let answer = asked.with_context(|| format!("starting {}", program.display()))?;
        if !answer.status.success() {
            let said = String::from_utf8_lossy(&answer.stderr);
            // A temporary name means nothing to anyone.
            let said = said.trim().trim_start_matches("error: ").replace(&*config.to_string_lossy(), file);
            problems.push(format!("{}: {} refuses its config: {said}", stage.name, stage.program.name()));
        }
    }
    Ok(problems)
}
