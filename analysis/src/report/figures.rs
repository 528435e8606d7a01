//! The figures of a report, and the numbers that they show.

use proto::interpreter_state::InterpreterState;
use proto::study::Cell;

use super::document::Block;
use super::group::Group;
use super::measured::Measured;
use crate::figure::{Figure, distribution, survival, timeline, training};
use crate::results::curve::Curve;
use crate::results::file::Results;
use crate::results::row::Row;
use crate::stats::survival::Subject;

/// The figures of a task set. With `several` task sets, the figures' names have the task set's.
pub fn of_group(group: &Group<'_>, several: bool) -> Vec<Block> {
    let name = |figure: &str| group.file(figure, several);
    let mark = if group.estimated() { ", estimated" } else { "" };
    let tokens = format!("generated tokens an episode{mark}");
    let mut figures = vec![distribution::draw(
        &name("score"),
        distribution::Axis {
            title: "Score",
            label: "score of an episode (% of the best possible)",
            end: Some(100.0),
            decimals: 1,
        },
        &rows(group, |row| Some(100.0 * row.score)),
    )];
    let generated = rows(group, |row| row.generated_tokens.map(|count| count as f64));
    if !generated.is_empty() {
        let axis = distribution::Axis { title: "Generated tokens", label: &tokens, end: None, decimals: 0 };
        figures.push(distribution::draw(&name("tokens"), axis, &generated));
    }
    figures.extend(survival_of(group, &name("survival")));
    figures.extend(timelines(group, &name("timelines")));
    figures.into_iter().map(Block::Figure).collect()
}

fn rows(group: &Group<'_>, value: impl Fn(&Row) -> Option<f64>) -> Vec<distribution::Row> {
    let of_cell = |cell: &Measured<'_>| distribution::Row {
        label: cell.label(),
        colour: cell.colour(),
        values: cell.rows().filter_map(&value).collect(),
    };
    group.cells.iter().map(of_cell).filter(|row| !row.values.is_empty()).collect()
}

/// The figure of episodes without a missing variable over turns; none if no trace records turns.
fn survival_of(group: &Group<'_>, name: &str) -> Option<Figure> {
    let turns = group.cells.iter().flat_map(Measured::rows).filter_map(|row| Some(row.turns.as_ref()?.len()));
    let last = turns.max()?.max(1);
    let panel = |cell: &Measured<'_>| {
        let subjects: Vec<Subject> = cell.rows().filter_map(|row| watched(row, last)).collect();
        (!subjects.is_empty()).then(|| survival::Panel {
            label: cell.label(),
            colour: cell.colour(),
            subjects,
        })
    };
    let panels: Vec<survival::Panel> = group.cells.iter().filter_map(panel).collect();
    Some(survival::draw(name, &panels, last))
}

/// For how many turns an episode had no missing variable, if no episode has more than `last` turns. An
/// episode that called `finish()` counts as longer than all: it can miss no variable any more. None if the
/// trace does not record turns.
fn watched(row: &Row, last: usize) -> Option<Subject> {
    let turns = row.turns.as_ref()?.len();
    let first = row.first_missing();
    let unscathed = if row.finished() == Some(true) { last + 1 } else { turns };
    Some(Subject { time: first.unwrap_or(unscathed), event: first.is_some() })
}

/// The figure of every turn under the first seed; none if no trace records turns.
fn timelines(group: &Group<'_>, name: &str) -> Option<Figure> {
    let seed = *group.seeds().first()?;
    let panels = group.cells.iter().filter_map(|cell| {
        let (_, rows) = cell.seeds.iter().find(|(of, _)| *of == seed)?;
        let episodes =
            rows.iter().filter_map(|row| Some((row.turns.clone()?, row.finished() != Some(false)))).collect();
        Some(timeline::Panel { label: cell.label(), episodes })
    });
    let panels: Vec<timeline::Panel> = panels.filter(|panel| !panel.episodes.is_empty()).collect();
    (!panels.is_empty()).then(|| timeline::draw(name, &panels, seed))
}

/// The figure of the loss over steps; nothing without trainings on samples.
pub fn training(results: &Results) -> Vec<Block> {
    let panel = |label: &str, is_wanted: &dyn Fn(&Curve) -> bool| {
        let mut lines: Vec<(String, &'static str, Vec<&Curve>)> = Vec::new();
        let mut keys: Vec<(u64, &str)> = Vec::new();
        let has_loss = |curve: &&Curve| curve.learning.is_none() && !curve.loss.step.is_empty();
        for curve in results.training.iter().filter(has_loss).filter(|curve| is_wanted(curve)) {
            let key = (curve.seed, curve.model.as_str());
            match keys.iter().position(|known| *known == key) {
                Some(index) => lines[index].2.push(curve),
                None => {
                    keys.push(key);
                    lines.push((curve.model.clone(), colour(&curve.model), vec![curve]));
                }
            }
        }
        training::Panel { label: label.to_owned(), lines }
    };
    let panels = [
        panel("The base model", &|curve| curve.model == Cell::BASE),
        panel("The adapters", &|curve| curve.model != Cell::BASE),
    ];
    let panels: Vec<_> = panels.into_iter().filter(|panel| !panel.lines.is_empty()).collect();
    if panels.is_empty() {
        return Vec::new();
    }
    vec![Block::Figure(training::draw("training", &panels))]
}

/// The name of a model's colour.
pub(super) fn colour(model: &str) -> &'static str {
    match InterpreterState::named(model) {
        Some(InterpreterState::Persistent) => "pp",
        Some(InterpreterState::Reset) => "rr",
        None if model == Cell::BASE => "base",
        None => "other",
    }
}

/// The task of a task set that is shown in full.
pub fn example(results: &Results, group: &Group<'_>) -> Vec<Block> {
    let is_of = |example: &&crate::results::example::Example| {
        example.tasks == group.set.name && group.set.tasks.contains_key(&example.task_id)
    };
    results.examples.iter().find(is_of).map(|example| Block::Example(example.clone())).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::survival::kaplan_meier;
    use crate::turn::Turn::{self, MissingVariable, Ok};

    fn row(turns: &[Turn], finish_reason: Option<&str>) -> Row {
        Row {
            task_id: String::new(),
            score: 0.0,
            solved: false,
            finish_reason: finish_reason.map(Into::into),
            turns: Some(turns.to_vec()),
            generated_tokens: None,
            all_tokens: None,
        }
    }

    #[test]
    fn only_what_was_cut_off_is_censored() {
        let rows = [
            row(&[Ok, Ok], Some("finish_tool")),
            row(&[Ok, MissingVariable, Ok, MissingVariable], Some("finish_tool")),
            row(&[Ok], Some("max_turns")),
            row(&[Ok, Ok, MissingVariable], Some("timeout")),
            row(&[Ok, Ok, Ok], None),
        ];
        let subjects: Vec<Subject> = rows.iter().filter_map(|row| watched(row, 4)).collect();
        let expected = [(5, false), (2, true), (1, false), (3, true), (3, false)];
        assert_eq!(subjects, expected.map(|(time, event)| Subject { time, event }));
        // The first is still at risk when the fourth has its error, though it ended before.
        let left: Vec<usize> = kaplan_meier(&subjects).iter().map(|point| point.at_risk).collect();
        assert_eq!(left, [4, 3]);
        assert_eq!(watched(&Row { turns: None, ..rows[0].clone() }, 4), None);
    }
}
