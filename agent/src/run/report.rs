//! Summaries and statuses of a run, computed from its files.

use std::path::PathBuf;

use proto::run::{Layout, Status, Summary, TaskStatus};

use super::error::Error;
use super::folder;
use super::job::Job;
use super::summary::summarise;

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run's folder.
    pub folder: PathBuf,
    /// One entry for each agent and family.
    pub lines: Vec<Line>,
    /// Whether the run was stopped before all episodes were played.
    pub interrupted: bool,
}

/// The results of one agent on one family.
#[derive(Clone, Debug)]
pub struct Line {
    /// The agent.
    pub agent: String,
    /// The family.
    pub family: String,
    /// Means over all completed episodes in the folder, as in the summary file.
    pub summary: Summary,
    /// Episodes played by this start of the run, failed ones included.
    pub played: usize,
    /// Episodes completed by earlier starts of the run.
    pub kept: usize,
    /// Failed episodes among those played.
    pub failed: usize,
    /// Episodes that were not played because the run ended early.
    pub left: usize,
}

impl Report {
    /// Failed episodes of all agents and families.
    pub fn failed(&self) -> usize {
        self.lines.iter().map(|line| line.failed).sum()
    }
}

/// Writes the summary and status files of every agent and family of the jobs. They cover all results in the
/// folder, those of earlier starts included.
///
/// # Errors
/// If a file can't be read or written.
pub fn write(layout: &Layout, jobs: &[Job], interrupted: bool) -> Result<Report, Error> {
    let mut lines: Vec<Line> = Vec::new();
    for job in jobs {
        let (agent, family) = (job.agent(), job.task().family.as_str());
        let place = lines.iter().position(|line| line.agent == agent && line.family == family);
        let place = match place {
            Some(place) => place,
            None => {
                let summary = write_group(layout, agent, family)?;
                let (agent, family) = (agent.to_owned(), family.to_owned());
                lines.push(Line { agent, family, summary, played: 0, kept: 0, failed: 0, left: 0 });
                lines.len() - 1
            }
        };
        let line = &mut lines[place];
        match job.played {
            Some(status) => {
                line.played += 1;
                line.failed += usize::from(status == Status::Failed);
            }
            None if job.kept.is_some() => line.kept += 1,
            None => line.left += 1,
        }
    }
    Ok(Report { folder: layout.root.clone(), lines, interrupted })
}

/// Writes the summary and status files of one agent on one family. A completed result without a readable
/// trace counts as failed, as it will be played again.
fn write_group(layout: &Layout, agent: &str, family: &str) -> Result<Summary, Error> {
    let mut statuses = TaskStatus::new();
    let mut episodes = Vec::new();
    for task_id in folder::task_ids(layout, agent, family)? {
        let completed = folder::completed(layout, agent, family, &task_id);
        let status = if completed.is_some() { Status::Completed } else { Status::Failed };
        statuses.insert(task_id, status);
        episodes.extend(completed);
    }
    let summary = summarise(&episodes);
    files::write_json(&layout.task_status(agent, family), &statuses)?;
    files::write_json(&layout.summary(agent, family), &summary)?;
    Ok(summary)
}
