//! Checks configs before anything runs, each by the program that will read it. So a misspelt key of the last
//! training is reported at the start, not after an hour.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::kind::Kind;
use crate::model_server::ModelServer;
use crate::programs::Programs;
use crate::stage::{Artifact, Stage};

/// The problems in the configs and servers of these stages, one line each. Of repeats, which differ in their seeds only,
/// the first is checked.
///
/// # Errors
/// If a program can't be started.
pub fn problems(stages: &[&Stage], programs: &Programs) -> Result<Vec<String>> {
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let mut seen = vec![];
    let mut problems = vec![];
    for stage in stages {
        if let Some(ModelServer::Started(server)) = &stage.server {
            problems.extend(server.missing().filter(|missing| !problems.contains(missing)));
        }
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
        let mut call = Command::new(&program);
        call.args([command, "--check", "--config"]).arg(&config);
        let is_made_later = |base: &Artifact| stages.iter().any(|other| other.output_path() == base.path);
        if stage.kind == Kind::Train && stage.inputs.first().is_some_and(is_made_later) {
            call.arg("--base-later");
        }
        let output = call.output();
        let output = output.with_context(|| format!("starting {}", program.display()))?;
        if !output.status.success() {
            let problem = String::from_utf8_lossy(&output.stderr);
            // The path in the temporary folder means nothing to the reader.
            let problem =
                problem.trim().trim_start_matches("error: ").replace(&*config.to_string_lossy(), file);
            problems.push(format!("{}: {} refuses its config: {problem}", stage.name, stage.program.name()));
        }
    }
    Ok(problems)
}
