//! What was measured, as a table and as JSON.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use tests::table;

use crate::measure::Measured;

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The loads, in order.
    pub loads: Vec<Measured>,
    /// What follows from them.
    pub findings: Vec<Finding>,
}

/// A number that follows from loads.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What it is.
    pub what: String,
    /// The number, with its unit.
    pub value: String,
    /// What it should be.
    pub aim: String,
    /// Whether it is that.
    pub is_met: bool,
    /// Whether the program fails otherwise: the number is not one of speed.
    pub is_required: bool,
}

impl Report {
    /// What must not be: errors, connections that broke, required findings that are not met.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for load in &self.loads {
            problems.extend(load.errors.iter().map(|(kind, count)| format!("{}: {count} {kind}", load.what)));
            if load.lost_connections > 0 {
                problems.push(format!("{}: {} connections were lost", load.what, load.lost_connections));
            }
            if load.steps == 0 {
                problems.push(format!("{}: no step was answered", load.what));
            }
        }
        let missed = self.findings.iter().filter(|finding| finding.is_required && !finding.is_met);
        problems
            .extend(missed.map(|missed| format!("{}: {}, not {}", missed.what, missed.value, missed.aim)));
        problems
    }

    /// Tables to read.
    pub fn tables(&self) -> String {
        let mut loads = table(&[
            "",
            "sessions",
            "steps/s",
            "p50 ms",
            "p90",
            "p99",
            "p99.9",
            "max",
            "errors",
            "server's own MB: before",
            "open",
            "peak",
            "after",
            "CPU s",
            "cores",
            "client cores",
        ]);
        loads.add_rows(self.loads.iter().map(row));
        let mut text = loads.to_string();
        if !self.findings.is_empty() {
            let mut findings = table(&["", "measured", "aim", ""]);
            findings.add_rows(self.findings.iter().map(|finding| {
                let is_met = if finding.is_met { "met" } else { "missed" };
                [finding.what.as_str(), &finding.value, &finding.aim, is_met]
            }));
            text = format!("{text}\n\n{findings}");
        }
        let problems: Vec<String> =
            self.problems().iter().map(|problem| format!("\nerror: {problem}")).collect();
        text + &problems.concat()
    }

    /// Writes everything as JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(files::write_json(path, self)?)
    }
}

fn row(load: &Measured) -> Vec<String> {
    let latency = load.latency_ms;
    let mut row = vec![load.what.clone(), load.sessions.to_string(), format!("{:.0}", load.steps_per_s)];
    let quantiles = [latency.p50, latency.p90, latency.p99, latency.p99_9, latency.max];
    row.extend(quantiles.map(|ms| format!("{ms:.2}")));
    row.push(load.errors.values().sum::<u64>().to_string());
    row.extend(match &load.server {
        Some(server) => {
            let memory = [server.before.own, server.open.own, server.peak, server.after.own];
            let mut cells = memory.map(|mb| format!("{mb:.0}")).to_vec();
            cells.extend([format!("{:.1}", server.cpu_s), format!("{:.2}", server.cores)]);
            cells
        }
        None => vec![String::new(); 6],
    });
    row.push(format!("{:.2}", load.client_cores));
    row
}
