//! Summaries and statuses of a run, counted from the files it wrote.

use proto::run::{EpisodeResult, Layout, MetricSummary, Status, Summary, TaskStatus};
use proto::trace::Trace;
use serde_json::{Map, Value};

use super::{Error, Job, folder};

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run's folder.
    pub folder: std::path::PathBuf,
    /// One entry for each agent and family.
    pub lines: Vec<Line>,
    /// It was stopped before all was played.
    pub interrupted: bool,
}

/// How one agent did on one family.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which agent.
    pub agent: String,
    /// Which family.
    pub family: String,
    /// The means over every completed episode in the folder, as written to the
    /// summary file.
    pub summary: Summary,
    /// Episodes that this call played, failed ones included.
    pub played: usize,
    /// Episodes that this call found done.
    pub kept: usize,
    /// Of the episodes played, those that failed.
    pub failed: usize,
    /// Episodes that were to be played, and were not.
    pub left: usize,
}

impl Report {
    /// Episodes that failed, in all.
    pub fn failed(&self) -> usize {
        self.lines.iter().map(|line| line.failed).sum()
    }
}

/// Writes the summary and status files of every agent and family of the jobs:
/// they cover all results in the folder, of earlier calls too.
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

/// The summary and status files of one agent on one family. A completed result
/// whose trace cannot be read counts as failed: it is played again.
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

/// Means over completed episodes.
fn summarise(episodes: &[(EpisodeResult, Trace)]) -> Summary {
    let evaluations = || episodes.iter().filter_map(|(result, _)| result.result.as_ref());
    let mut metrics: Vec<(String, Vec<f64>)> = Vec::new();
    let mut add = |name: &str, value: f64| match metrics.iter_mut().find(|(known, _)| known == name) {
        Some((_, values)) => values.push(value),
        None => metrics.push((name.to_owned(), vec![value])),
    };
    for evaluation in evaluations() {
        for (name, value) in &evaluation.metrics {
            if let Some(value) = value.as_f64() {
                add(name, value);
            }
        }
    }
    for evaluation in evaluations() {
        add("score", evaluation.score);
    }
    let solved = evaluations().filter(|evaluation| evaluation.is_solved).count();
    let mean_of =
        |value: fn(&(EpisodeResult, Trace)) -> f64| mean(&episodes.iter().map(value).collect::<Vec<_>>());
    Summary {
        average_is_solved: if episodes.is_empty() { 0.0 } else { solved as f64 / episodes.len() as f64 },
        average_runtime: mean_of(|(result, _)| result.finished_at - result.started_at),
        average_steps: mean_of(|(_, trace)| trace.summary.num_steps as f64),
        average_total_tokens: mean_of(|(_, trace)| trace.summary.token_usage.total_tokens as f64),
        metrics: metrics
            .into_iter()
            .map(|(name, values)| (name, serde_json::to_value(describe(values)).unwrap_or(Value::Null)))
            .collect::<Map<_, _>>(),
        num_tasks_executed: episodes.len() as u64,
        num_tasks_solved: solved as u64,
    }
}

/// Mean, median and ends of at least one value.
fn describe(mut values: Vec<f64>) -> MetricSummary {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median =
        if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
    MetricSummary { mean: mean(&values), median, min: values[0], max: values[values.len() - 1] }
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        let summary = describe(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!((summary.mean, summary.median, summary.min, summary.max), (2.5, 2.5, 1.0, 4.0));
        assert_eq!(describe(vec![7.0]).median, 7.0);
    }
}
