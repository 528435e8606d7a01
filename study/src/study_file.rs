//! Writes `study.json`, from which the report is made.

use anyhow::Result;
use proto::study::{self, Study};

use crate::experiment::Experiment;
use crate::plan::{Place, Plan};
use crate::record::Record;
use crate::stage::Stage;
use crate::{COMMIT, machine};

/// The file's name, in a study's folder.
pub const NAME: &str = "study.json";

/// How far a study is.
#[derive(Debug)]
pub struct Progress {
    /// When this run of it began (RFC 3339).
    pub started_at: String,
    /// The stages that are finished, in the plan's order: each with its record, and whether it was reused.
    pub stages: Vec<(Record, bool)>,
}

/// Removes the file of an earlier run.
///
/// # Errors
/// If it exists and can't be removed.
pub fn remove(place: Place<'_>) -> std::io::Result<()> {
    match std::fs::remove_file(place.study().join(NAME)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes the file.
///
/// # Errors
/// If it can't be written.
pub fn write(experiment: &Experiment, plan: &Plan, place: Place<'_>, progress: &Progress) -> Result<()> {
    let study = Study {
        format: study::FORMAT.to_owned(),
        name: place.name.to_owned(),
        title: experiment.title.clone(),
        experiment: serde_json::to_value(experiment)?,
        commit: COMMIT.to_owned(),
        machine: machine::machine(),
        programs: programs(progress),
        started_at: progress.started_at.clone(),
        finished_at: jiff::Timestamp::now().to_string(),
        stages: plan.stages.iter().zip(&progress.stages).map(|(stage, done)| entry(stage, done)).collect(),
        training: plan.training.clone(),
        cells: plan.cells.clone(),
    };
    Ok(files::write_json(&place.study().join(NAME), &study)?)
}

/// The programs that made the stages, each build once.
fn programs(progress: &Progress) -> Vec<study::Program> {
    let mut programs: Vec<study::Program> = vec![];
    for program in progress.stages.iter().flat_map(|(record, _)| &record.programs) {
        if !programs.contains(program) {
            programs.push(program.clone());
        }
    }
    programs.sort_by(|one, other| one.name.cmp(&other.name));
    programs
}

fn entry(stage: &Stage, (record, reused): &(Record, bool)) -> study::Stage {
    study::Stage {
        name: stage.name.clone(),
        kind: stage.kind.name().to_owned(),
        seconds: record.seconds,
        reused: *reused,
        folder: stage.name.as_str().into(),
        key: stage.key.clone(),
    }
}
