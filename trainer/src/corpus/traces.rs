//! Traces of episodes, read from folders and archives.

use std::path::Path;

use ::files::digest::Hasher;
use proto::dataset::TraceOptions;
use proto::run::{EpisodeResult, Status};
use proto::trace::{EventKind, Step, Trace};
use proto::transcript::{conversation, default_observations, enable_thinking};
use serde::de::DeserializeOwned;

use super::files::Files;
use super::{Content, Reader, recorded};
use crate::{Error, Result};

const TRACE: &str = ".trace.json";

/// Reads the traces below a folder, or in an archive, in the order of their names; returns a hash of names
/// and contents.
pub fn read(path: &Path, options: &TraceOptions, reader: &mut Reader<'_>) -> Result<String> {
    let files = Files::open(path)?;
    let mut hasher = Hasher::default();
    let mut found = false;
    for name in files.names() {
        let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(TRACE)) else { continue };
        found = true;
        let result = Path::new(&format!("{stem}.json")).to_owned();
        let result = files.contains(&result).then_some(result);
        let trace = files.content(&name)?;
        add_named(&mut hasher, &name, &trace);

        let mut evaluated = None;
        if let Some(result) = &result {
            let content = files.content(result)?;
            add_named(&mut hasher, result, &content);
            match parse::<EpisodeResult>(&files.path(result), &content) {
                Ok(result) => evaluated = Some(result),
                Err(error) => {
                    reader.take(String::new(), Err(error))?;
                    continue;
                }
            }
        }
        if let Some(reason) = exclusion(evaluated.as_ref(), options) {
            reader.exclude(reason);
            continue;
        }
        let path = files.path(&name);
        let content = parse::<Trace>(&path, &trace).and_then(|trace| {
            check(&path, &trace)?;
            let observations = options.observations.unwrap_or_else(|| default_observations(&trace));
            let messages = conversation(&trace, observations);
            let enable_thinking = enable_thinking(&trace);
            // Other observations than the agent's are another conversation.
            let recorded = match options.observations {
                None => recorded::calls(&trace).map_err(|problem| Error::key(&path, "events", problem))?,
                Some(_) => Vec::new(),
            };
            let tools = trace.provenance.map(|provenance| provenance.tools).unwrap_or_default();
            Ok(Content::Conversation { messages, tools, recorded, enable_thinking })
        });
        reader.take(path.display().to_string(), content)?;
    }
    if !found {
        let problem =
            format!("no traces found; give a run's folder, or a .tar.gz of one, with *{TRACE} files in it");
        return Err(Error::file(path)(std::io::Error::other(problem)));
    }
    Ok(hasher.finish())
}

/// Adds a file to a hash. Name and length are delimited, so that different lists of files never give the same
/// bytes.
fn add_named(hasher: &mut Hasher, name: &Path, content: &[u8]) {
    hasher.add(format!("{} {}\0", name.display(), content.len()));
    hasher.add(content);
}

/// The reason to exclude an episode, if there is one.
fn exclusion(result: Option<&EpisodeResult>, options: &TraceOptions) -> Option<&'static str> {
    if result.is_some_and(|result| result.status == Status::Failed) {
        return Some("episode failed");
    }
    let evaluation = result.and_then(|result| result.result.as_ref());
    let score = evaluation.map_or(f64::NEG_INFINITY, |evaluation| evaluation.score);
    match evaluation {
        None if options.only_solved || options.min_score.is_some() => Some("no evaluation"),
        Some(evaluation) if options.only_solved && !evaluation.is_solved => Some("not solved"),
        _ if options.min_score.is_some_and(|least| score < least) => Some("score too low"),
        _ => None,
    }
}

fn parse<T: DeserializeOwned>(path: &Path, content: &[u8]) -> Result<T> {
    serde_json::from_slice(content).map_err(|reason| Error::Json { path: path.into(), reason })
}

/// Checks that the conversation will be complete: a malformed step loads as an unknown event and would be
/// missing.
fn check(path: &Path, trace: &Trace) -> Result<()> {
    for (number, event) in trace.events.iter().enumerate() {
        if let EventKind::Other(value) = &event.kind
            && value["type"] == "StepEvent"
        {
            let reason = serde_json::from_value::<Step>(value["data"].clone()).err();
            let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            return Err(Error::key(path, format!("events[{number}]"), format!("is no StepEvent{reason}")));
        }
    }
    match trace.summary.task.is_empty() {
        true => Err(Error::key(path, "summary.task", "is missing")),
        false => Ok(()),
    }
}
