//! Checks configs before anything runs, each by the program that will read it. So a misspelt key of the last
//! training is reported at the start, not after an hour.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::kind::Kind;
use crate::model_server::ModelServer;
use crate::programs::Programs;
use crate::stage::{Artifact, Stage};

/// The variable of the API key in a run config.
const KEY: &str = "/agents/0/llm/api_key_env";
/// The file, in the working folder, that may hold keys.
const KEY_FILE: &str = ".env";

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
        let Some(command) = stage.arguments.first() else { continue };
        seen.push(name);
        problems.extend(key(text).map(|problem| format!("{}: {problem}", stage.name)));
        for (file, text) in &stage.files {
            // A config may name another file of the stage.
            let text = text.replace(&*stage.folder.to_string_lossy(), &folder.path().to_string_lossy());
            let path = folder.path().join(file);
            std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        }
        let config = folder.path().join(file);
        let program = programs.path(stage.program);
        let mut call = Command::new(&program);
        call.args([command.as_str(), "--check", "--config"]).arg(&config);
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

/// What is wrong with the API key that a run config names, if it is not there. It is read as `agent` does.
fn key(config: &str) -> Option<String> {
    let config = fields::from_yaml(config).ok()?;
    let variable = config.pointer(KEY)?.as_str()?;
    let is_set = |value: String| !value.trim().is_empty();
    let in_file = || {
        let lines = dotenvy::from_path_iter(KEY_FILE).ok()?;
        lines.flatten().find_map(|(name, value)| (name == variable).then_some(value))
    };
    let found = std::env::var(variable).ok().or_else(in_file).is_some_and(is_set);
    (!found).then(|| {
        format!("the API key `{variable}` is not set; put it into the environment, or into {KEY_FILE} as {variable}=...")
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_that_is_not_set_is_named() {
        let config = |variable: &str| format!("agents: [{{llm: {{model: m, api_key_env: {variable}}}}}]");
        let problem = super::key(&config("RUNTIME_GYM_NO_SUCH_KEY")).unwrap();
        assert!(problem.contains("RUNTIME_GYM_NO_SUCH_KEY"), "{problem}");
        assert_eq!(super::key(&config("CARGO_PKG_NAME")), None);
        assert_eq!(super::key("agents: [{llm: {model: m}}]"), None);
    }
}
