//! What `env-server replay` prints.

use std::io::{self, Write as _};

use anyhow::Context as _;
use serde::Serialize;

use crate::replay::{Difference, Error, Replayed};

/// Prints what came of each trace, and counts.
pub struct Report {
    json: bool,
    traces: Traces,
    steps: u64,
    verified_steps: u64,
    as_recorded: u64,
    without_evaluation: usize,
}

/// How many traces came to what.
#[derive(Default)]
struct Traces {
    verified: usize,
    different: usize,
    unreadable: usize,
}

/// One trace, as `--json` prints it.
#[derive(Serialize)]
struct Line<'a> {
    trace: &'a str,
    status: Status,
    #[serde(flatten)]
    replayed: Option<Counts<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<&'a Difference>,
    /// Why it can't be replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The field that is wrong, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Verified,
    Different,
    Unreadable,
}

#[derive(Serialize)]
struct Counts<'a> {
    task_id: &'a str,
    steps: u64,
    verified: u64,
    as_recorded: u64,
    evaluated: bool,
}

impl Report {
    /// Nothing yet; `json` prints objects in place of text.
    pub fn new(json: bool) -> Self {
        Self {
            json,
            traces: Traces::default(),
            steps: 0,
            verified_steps: 0,
            as_recorded: 0,
            without_evaluation: 0,
        }
    }

    /// Counts a trace, and prints it if it is not verified; as JSON, prints each.
    pub fn add(&mut self, name: &str, outcome: &Result<Replayed, Error>) -> anyhow::Result<()> {
        let status = self.count(outcome);
        let difference = outcome.as_ref().ok().and_then(|replayed| replayed.difference.as_ref());
        let error = outcome.as_ref().err();
        let text = if self.json {
            let replayed = outcome.as_ref().ok().map(|replayed| Counts {
                task_id: &replayed.task_id,
                steps: replayed.steps,
                verified: replayed.verified,
                as_recorded: replayed.as_recorded,
                evaluated: replayed.evaluated,
            });
            let field = error.and_then(Error::field_path);
            let error = error.map(ToString::to_string);
            serde_json::to_string(&Line { trace: name, status, replayed, difference, error, field })? + "\n"
        } else if let Some(difference) = difference {
            format!("{name}: {} differs\n{}", place(difference), difference.unified())
        } else if let Some(error) = error {
            format!("{name}: can't be replayed: {error}\n")
        } else {
            return Ok(());
        };
        io::stdout().lock().write_all(text.as_bytes()).context("writing to stdout")
    }

    fn count(&mut self, outcome: &Result<Replayed, Error>) -> Status {
        let Ok(replayed) = outcome else {
            self.traces.unreadable += 1;
            return Status::Unreadable;
        };
        self.steps += replayed.steps;
        self.verified_steps += replayed.verified;
        self.as_recorded += replayed.as_recorded;
        if replayed.difference.is_some() {
            self.traces.different += 1;
            return Status::Different;
        }
        self.traces.verified += 1;
        self.without_evaluation += usize::from(!replayed.evaluated);
        Status::Verified
    }

    /// Traces so far.
    pub fn traces(&self) -> usize {
        self.traces.verified + self.unverified()
    }

    /// Those that differ or can't be replayed.
    pub fn unverified(&self) -> usize {
        self.traces.different + self.traces.unreadable
    }

    /// What is wrong so far, for the progress bar; empty if nothing is.
    pub fn troubles(&self) -> String {
        let Traces { different, unreadable, .. } = self.traces;
        if self.unverified() == 0 {
            String::new()
        } else {
            format!("  {different} different, {unreadable} unreadable")
        }
    }

    /// Prints the summary.
    pub fn finish(&self) -> anyhow::Result<()> {
        let Traces { verified, different, unreadable } = self.traces;
        let mut text = format!(
            "traces: {verified} verified, {different} different, {unreadable} unreadable\n\
             steps: {} verified, {} taken as recorded, of {}\n",
            self.verified_steps, self.as_recorded, self.steps
        );
        if self.without_evaluation > 0 {
            text += &format!("verified without an evaluation to compare with: {}\n", self.without_evaluation);
        }
        let written = if self.json {
            io::stderr().lock().write_all(text.as_bytes())
        } else {
            io::stdout().lock().write_all(text.as_bytes())
        };
        written.context("writing the summary")
    }
}

/// Where a difference is.
fn place(difference: &Difference) -> String {
    match (difference.step, difference.turn) {
        (Some(step), Some(turn)) => format!("step {step} (turn {turn}): {}", difference.field),
        _ => difference.field.clone(),
    }
}
