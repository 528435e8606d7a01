//! How long a study took, by kind of stage.

use comfy_table::{CellAlignment, Table, presets};

use crate::kind::Kind;
use crate::plan::Plan;
use crate::stage::Stage;
use crate::study_file::Progress;
use crate::words;

/// The stages of one row.
struct Group {
    name: &'static str,
    run: u64,
    reused: u64,
    /// Of those that were run.
    seconds: f64,
}

/// A table with a row for each kind of stage.
pub fn times(plan: &Plan, progress: &Progress) -> Table {
    let mut groups: Vec<Group> = vec![];
    for (stage, (record, reused)) in plan.stages.iter().zip(&progress.stages) {
        let name = name(stage);
        let index = groups.iter().position(|group| group.name == name).unwrap_or_else(|| {
            groups.push(Group { name, run: 0, reused: 0, seconds: 0.0 });
            groups.len() - 1
        });
        let group = &mut groups[index];
        if *reused {
            group.reused += 1;
        } else {
            group.run += 1;
            group.seconds += record.seconds;
        }
    }
    let sum: f64 = groups.iter().map(|group| group.seconds).sum();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["", "stages run", "reused", "time", "share"]);
    for group in groups {
        let share = if sum > 0.0 { format!("{:.0} %", 100.0 * group.seconds / sum) } else { "-".to_owned() };
        table.add_row([
            group.name.to_owned(),
            group.run.to_string(),
            group.reused.to_string(),
            words::duration(group.seconds),
            share,
        ]);
    }
    table.add_row(["all".to_owned(), String::new(), String::new(), words::duration(sum), String::new()]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The row of a stage.
fn name(stage: &Stage) -> &'static str {
    match stage.kind {
        Kind::Train if stage.name.contains("/adapters/") => "train adapters",
        Kind::Train => "train base",
        kind => kind.name(),
    }
}
