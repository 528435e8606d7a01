//! Other studies beside this one: a row for each cell, with its differences to this study's cells.

use std::collections::BTreeMap;

use anyhow::ensure;
use proto::interpreter_state::InterpreterState;

use super::cells::{ESTIMATED, plain};
use super::document::Block;
use super::group::{Group, groups};
use super::measured::Measured;
use crate::results::cell::is_another;
use crate::results::file::Results;
use crate::stats::describe::mean;
use crate::stats::interval::Estimate;
use crate::table::{self, Table, UNKNOWN, number_or_unknown};
use crate::two_by_two::comparison::shares_interval;
use crate::two_by_two::options::Options;
use crate::two_by_two::outcome::Outcome;

/// The outcomes that are compared.
const OUTCOMES: [Outcome; 3] = [Outcome::MissingVariable, Outcome::GeneratedTokens, Outcome::Score];

/// A table for each task set: this study's cells, then those of the other studies. `others` are the studies
/// with the paths that they were read from.
///
/// # Errors
/// If a study has a task set that this study does not have, or another task under the same id.
pub fn blocks(
    main: &[Group<'_>],
    others: &[(String, Results)],
    options: &Options,
    warnings: &mut Vec<String>,
) -> anyhow::Result<Vec<Block>> {
    let mut tables: Vec<Vec<Vec<String>>> = vec![Vec::new(); main.len()];
    for (index, group) in main.iter().enumerate() {
        tables[index].extend(group.cells.iter().map(|cell| row("this study", cell, None, options)));
    }
    let mut estimated = main.iter().any(Group::estimated);
    for (path, results) in others {
        for group in groups(results, options, warnings)? {
            estimated |= group.estimated();
            let index = counterpart(main, &group, path)?;
            for cell in &group.cells {
                let title = &results.study.title;
                let compared = beside(&main[index], cell);
                if compared.is_empty() {
                    tables[index].push(row(title, cell, None, options));
                }
                tables[index].extend(compared.iter().map(|other| row(title, cell, Some(other), options)));
            }
        }
    }
    let mark = if estimated { "~" } else { "" };
    let header = [
        "Study".to_owned(),
        "Training → runtime".into(),
        "Seeds × tasks".into(),
        "With a missing variable (%)".into(),
        format!("{mark}Generated tokens, mean"),
        "Score (%)".into(),
        "Less this study's".into(),
        "Seeds × tasks in common".into(),
        "Missing variable (points)".into(),
        format!("{mark}Generated tokens"),
        "Score (points)".into(),
    ];
    let several = main.len() > 1;
    let mut blocks = Vec::new();
    for (group, rows) in main.iter().zip(tables) {
        let name = group.file("ablations", several);
        let table = Table { header: header.clone().into(), rows };
        blocks.push(Block::Table { name: Some(name), caption: group.title(), table });
    }
    blocks.push(Block::Note {
        text: format!(
            "The last three columns are differences to the cell of this study that is named before them, paired by \
             task over the seeds that both have, with {:.0} % intervals (shares: Newcombe's; otherwise the bootstrap's \
             over tasks). They are about other tasks for these trained models, not about other training seeds, and are not \
             corrected for their number. Training of another kind is compared with both of this study's adapters in \
             the same runtime.{}",
            100.0 * options.level,
            if estimated { ESTIMATED } else { "" },
        ),
    });
    Ok(blocks)
}

/// The group of this study that has the same tasks.
fn counterpart(main: &[Group<'_>], other: &Group<'_>, path: &str) -> anyhow::Result<usize> {
    let same =
        |group: &Group<'_>| (&group.set.name, &group.set.family) == (&other.set.name, &other.set.family);
    let Some(index) = main.iter().position(same) else {
        let known: Vec<String> = main.iter().map(Group::title).collect();
        anyhow::bail!(
            "{path}: task set {}: this study has none of that name, but {}",
            other.title(),
            known.join(", ")
        );
    };
    let tasks = &main[index].set.tasks;
    let mut common = 0;
    for (id, digest) in &other.set.tasks {
        if let Some(known) = tasks.get(id) {
            ensure!(
                !is_another(known, digest),
                "{path}: task set {}: task {id} is another task than this study's; was it evaluated on the same task set?",
                other.title()
            );
            common += 1;
        }
    }
    ensure!(common > 0, "{path}: task set {}: no task in common with this study", other.title());
    Ok(index)
}

/// The cells of this study to compare a cell with: that of the same training and runtime, or else those of
/// both adapters in the same runtime.
fn beside<'a, 'b>(main: &'b Group<'a>, cell: &Measured<'_>) -> Vec<&'b Measured<'a>> {
    match main.cell(cell.train, cell.runtime) {
        Some(same) => vec![same],
        None => {
            let trained = InterpreterState::ALL.into_iter();
            trained.filter_map(|train| main.cell(train.name(), cell.runtime)).collect()
        }
    }
}

fn row(title: &str, cell: &Measured<'_>, other: Option<&&Measured<'_>>, options: &Options) -> Vec<String> {
    let tasks = cell.seeds.iter().map(|(_, rows)| rows.len()).max().unwrap_or(0);
    let mut row = vec![title.to_owned(), cell.label(), format!("{} × {tasks}", cell.seeds.len())];
    row.extend(OUTCOMES.map(|outcome| number_or_unknown(plain(cell, outcome), 1)));
    let Some(other) = other else {
        row.extend(std::iter::repeat_n(UNKNOWN.to_owned(), 2 + OUTCOMES.len()));
        return row;
    };
    row.push(if other.label() == cell.label() { "the same cell".to_owned() } else { other.label() });
    let seeds: Vec<u64> = cell.seeds.iter().map(|(seed, _)| *seed).collect();
    let seeds: Vec<u64> =
        seeds.into_iter().filter(|seed| other.seeds.iter().any(|(of, _)| of == seed)).collect();
    let differences = OUTCOMES.map(|outcome| Difference::of(cell, other, outcome, &seeds, options));
    let tasks = differences.iter().flatten().map(|difference| difference.tasks).max().unwrap_or(0);
    row.push(format!("{} × {tasks}", seeds.len()));
    row.extend(OUTCOMES.iter().zip(&differences).map(|(outcome, difference)| {
        difference.as_ref().map_or_else(
            || UNKNOWN.to_owned(),
            |difference| table::estimate(difference.estimate.scaled(outcome.scale()), 1),
        )
    }));
    row
}

/// The difference between a cell of another study and one of this study.
struct Difference {
    tasks: usize,
    estimate: Estimate,
}

impl Difference {
    /// None if they have no task in common under these seeds.
    fn of(
        cell: &Measured<'_>,
        other: &Measured<'_>,
        outcome: Outcome,
        seeds: &[u64],
        options: &Options,
    ) -> Option<Self> {
        let (first, second) = (cell.by_task(outcome, seeds)?, other.by_task(outcome, seeds)?);
        let paired: BTreeMap<_, _> = first
            .into_iter()
            .filter_map(|(task, values)| {
                let others = second.get(task)?;
                (values.len() == others.len()).then(|| (task, (values, others.clone())))
            })
            .collect();
        let (first, second): (Vec<Vec<f64>>, Vec<Vec<f64>>) = paired.into_values().unzip();
        let by_task: Option<Vec<f64>> =
            first.iter().zip(&second).map(|(a, b)| Some(mean(a)? - mean(b)?)).collect();
        let by_task = by_task?;
        let interval = if outcome.is_share() {
            shares_interval(&first, &second, options.level)
        } else {
            options.bootstrap().mean_interval(&by_task)
        };
        Some(Self { tasks: by_task.len(), estimate: Estimate { value: mean(&by_task)?, interval } })
    }
}
