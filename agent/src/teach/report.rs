//! What was kept and dropped, and why: `report.json`, and lines for people.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::episode::Episode;
use super::filter::Reason;
use crate::config::RunConfig;

/// The report's file.
pub const FILE: &str = "report.json";

/// What became of a run's episodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// By agent, in the config's order.
    pub agents: Vec<AgentReport>,
}

/// What became of an agent's episodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentReport {
    /// The agent.
    pub agent: String,
    /// `persistent` or `reset`.
    pub interpreter_state: String,
    /// Episodes that have a result.
    pub played: usize,
    /// Episodes that are kept.
    pub kept: usize,
    /// Episodes that are not, by reason.
    pub dropped: BTreeMap<Reason, usize>,
    /// Of the kept: mean score, 0 to 1; turns; tokens of prompts and answers over all turns.
    pub mean_score: f64,
    /// See `mean_score`.
    pub mean_turns: f64,
    /// See `mean_score`.
    pub mean_total_tokens: f64,
}

/// The report of episodes, of which `kept` says whether they are kept.
pub fn of(config: &RunConfig, episodes: &[Episode], kept: &[Result<(), Reason>]) -> Report {
    let agent = |agent: &crate::config::AgentConfig| {
        let own: Vec<_> =
            episodes.iter().zip(kept).filter(|(episode, _)| episode.agent == agent.name).collect();
        let good: Vec<&Episode> =
            own.iter().filter(|(_, kept)| kept.is_ok()).map(|(episode, _)| *episode).collect();
        let mut dropped = BTreeMap::new();
        for reason in own.iter().filter_map(|(_, kept)| kept.err()) {
            *dropped.entry(reason).or_default() += 1;
        }
        let mean = |of: &dyn Fn(&Episode) -> f64| {
            good.iter().map(|episode| of(episode)).sum::<f64>() / good.len().max(1) as f64
        };
        AgentReport {
            agent: agent.name.clone(),
            interpreter_state: agent.interpreter_state.name().to_owned(),
            played: own.len(),
            kept: good.len(),
            dropped,
            mean_score: mean(&|episode| episode.result.result.as_ref().map_or(0.0, |result| result.score)),
            mean_turns: mean(&|episode| episode.steps().count() as f64),
            mean_total_tokens: mean(&|episode| {
                episode.trace.as_ref().map_or(0.0, |trace| trace.summary.token_usage.total_tokens as f64)
            }),
        }
    };
    Report { agents: config.agents.iter().map(agent).collect() }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, report) in self.agents.iter().enumerate() {
            let AgentReport { agent, interpreter_state, played, kept, .. } = report;
            let AgentReport { mean_score, mean_turns, mean_total_tokens, .. } = report;
            let line = if number == 0 { "" } else { "\n" };
            write!(formatter, "{line}{agent} ({interpreter_state}): {kept} of {played} episodes kept")?;
            if *kept > 0 {
                write!(
                    formatter,
                    "; of these: mean score {mean_score:.3}, {mean_turns:.1} turns and {mean_total_tokens:.0} tokens"
                )?;
            }
            for (reason, count) in &report.dropped {
                write!(formatter, "\n    {count} dropped: {reason}")?;
            }
        }
        Ok(())
    }
}
