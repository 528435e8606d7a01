//! The blocks of both terse policies.

use super::row;
use super::state::{Goal, State};
use super::style::Style;
use crate::teachers::knapsack::task::Task;
use crate::teachers::text::indented;

/// The persistent policy's next block.
pub fn persistent(task: &Task, style: &Style, state: &State) -> String {
    let Style { ids, rows, helper, .. } = style;
    match state.goal {
        Goal::Inspect { from, to } => {
            let setup = if from == 0 || state.lost {
                format!(
                    "{}{rows} = {}\ndef {helper}(a, b):\n    for i in range(a, b):\n{}    print({rows}[a:])\n",
                    list_items(ids),
                    row::literal(&state.rows),
                    indented(&inspect(style)),
                )
            } else {
                String::new()
            };
            format!("{setup}{helper}({from}, {to})\n")
        }
        Goal::Choose if state.lost => {
            format!("{}{rows} = {}\n{}", list_items(ids), row::literal(&state.rows), choose(task, style))
        }
        Goal::Choose => choose(task, style),
        Goal::Take { from } => {
            let restored = if state.lost { chosen_literal(style, &state.chosen) } else { String::new() };
            format!("{restored}{}", take(style, from, state.chosen.len()))
        }
        Goal::Finish => "finish()\n".to_owned(),
    }
}

/// The reset policy's next block.
pub fn reset(task: &Task, style: &Style, state: &State) -> String {
    let Style { ids, rows, .. } = style;
    match state.goal {
        Goal::Inspect { from, to } => format!(
            "{}{rows} = {}\nfor i in range({from}, {to}):\n{}print({rows}[{from}:])\n",
            list_items(ids),
            row::literal(&state.rows),
            inspect(style),
        ),
        Goal::Choose => format!("{rows} = {}\n{}", row::literal(&state.rows), choose(task, style)),
        Goal::Take { from } => {
            format!("{}{}", chosen_literal(style, &state.chosen), take(style, from, state.chosen.len()))
        }
        Goal::Finish => "finish()\n".to_owned(),
    }
}

/// Binds the sorted ids: their order does not depend on the server's.
fn list_items(ids: &str) -> String {
    format!("{ids} = sorted(json.loads(list_items()))\n")
}

/// The body of the loop over positions.
fn inspect(style: &Style) -> String {
    let Style { ids, rows, .. } = style;
    format!(
        "    d = json.loads(inspect({ids}[i]))\n    {rows}.append((i, d['weight'], d['value'], d['class']))\n"
    )
}

/// The best set by trying all sets, which is affordable as few items are inspected.
fn choose(task: &Task, style: &Style) -> String {
    let Style { rows, chosen, .. } = style;
    format!(
        "{}from itertools import combinations
ok = [r for r in {rows} if r[3] in allowed_classes]
sets = [s for n in range(len(ok) + 1) for s in combinations(ok, n) if sum(r[1] for r in s) <= capacity]
{chosen} = [r[0] for r in max(sets, key=lambda s: sum(r[2] for r in s))]
print({chosen})
",
        given(&task.allowed, task.capacity),
    )
}

/// Binds the allowed classes and the capacity to the names that they have in the public data.
pub fn given(allowed: &[String], capacity: u64) -> String {
    let allowed: Vec<String> = allowed.iter().map(|class| format!("{class:?}")).collect();
    format!("allowed_classes = [{}]\ncapacity = {capacity}\n", allowed.join(", "))
}

/// Takes the chosen items from index `from` on, as many as a block can; `all` is their number.
pub fn take(style: &Style, from: usize, all: usize) -> String {
    let Style { ids, chosen, taken, .. } = style;
    let part = match (from, from + taken) {
        (0, to) if to >= all => String::new(),
        (from, to) => format!("[{from}:{to}]"),
    };
    format!("for i in {chosen}{part}:\n    take_item({ids}[i])\n")
}

/// Binds the ids and the chosen positions, which taking needs, as the output printed them.
pub fn chosen_literal(style: &Style, positions: &[usize]) -> String {
    let Style { ids, chosen, .. } = style;
    format!("{}{chosen} = {positions:?}\n", list_items(ids))
}
