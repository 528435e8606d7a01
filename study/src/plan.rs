//! An experiment as stages, in an order in which each finds its inputs.
//!
//! | module      | what it holds                                          |
//! |-------------|--------------------------------------------------------|
//! | `place`     | [`Place`]: the folders of a study                      |
//! | `planner`   | [`Plan`], and what every stage needs to be added to it |
//! | `task_set`  | task configs, as far as a study has to understand them |
//! | `agent_run` | a run of `agent run`: its config and its call          |
//! | `data`      | stages of tasks, traces, drills and samples            |
//! | `models`    | stages of the base and its adapters                    |
//! | `episodes`  | stages of adapters that learn from their own episodes  |
//! | `served`    | what serves the models of these episodes               |
//! | `cells`     | stages of evaluation episodes, and the report          |
//! | `selection` | the part of a plan that was asked for                  |
//!
//! Planning reads only the experiment, the task configs that it names, and what comes from outside the study.
//! Keys, and so folders, follow from these alone: the path of every output is known before anything runs.

mod agent_run;
mod cells;
mod data;
mod episodes;
mod models;
mod place;
mod planner;
mod selection;
mod served;
mod task_set;

use anyhow::Result;
use planner::Planner;

use crate::experiment::Experiment;

pub use place::Place;
pub use planner::{Missing, Plan};

/// Makes a plan. `analysis` is the SHA-256 of the program that writes the report: another build makes the
/// report again.
///
/// # Errors
/// If the parts of the experiment do not fit each other.
pub fn plan(experiment: &Experiment, place: Place<'_>, analysis: &str) -> Result<Plan> {
    let mut planner = Planner::new(experiment, place);
    let shared = experiment.base_seed.map(|seed| planner.base(seed)).transpose()?;
    for seed in experiment.repeats() {
        let own;
        let base = match &shared {
            Some(base) => base,
            None => {
                own = planner.base(seed)?;
                &own
            }
        };
        for name in experiment.adapters.keys() {
            planner.adapter(seed, name, base)?;
        }
        planner.cells(seed, base)?;
    }
    planner.refuse_shared_tasks()?;
    planner.report(analysis)?;
    Ok(planner.plan)
}
