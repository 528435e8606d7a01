//! An episode of a run.

use proto::run::{EpisodeResult, Layout};
use proto::trace::{Step, Trace};

use super::Error;
use crate::config::RunConfig;
use crate::run;

/// An episode: its result, and its trace if it has one.
#[derive(Clone, Debug)]
pub struct Episode {
    /// The agent that played it.
    pub agent: String,
    /// The task's family.
    pub family: String,
    /// The task.
    pub task_id: String,
    /// How it ended.
    pub result: EpisodeResult,
    /// What happened.
    pub trace: Option<Trace>,
}

impl Episode {
    /// Its turns.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.trace.iter().flat_map(Trace::steps)
    }

    /// Whether a name was missing in a turn: the agent relied on state that was not there, or misspelt it.
    pub fn misses_a_variable(&self) -> bool {
        self.steps().any(Step::misses_a_variable)
    }
}

/// All episodes of a run that have a result: agents and families in the config's order, tasks by name.
///
/// # Errors
/// If the run's folder, or a result in it, can't be read.
pub fn all(layout: &Layout, config: &RunConfig) -> Result<Vec<Episode>, Error> {
    let mut episodes = Vec::new();
    for agent in &config.agents {
        for family in &config.task_families {
            for task_id in run::task_ids(layout, &agent.name, family)? {
                let trace = layout.trace(&agent.name, family, &task_id);
                episodes.push(Episode {
                    agent: agent.name.clone(),
                    family: family.clone(),
                    result: files::read_json(&layout.result(&agent.name, family, &task_id))?,
                    trace: trace.exists().then(|| files::read_json(&trace)).transpose()?,
                    task_id,
                });
            }
        }
    }
    Ok(episodes)
}
