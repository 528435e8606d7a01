//! The blocks of both habits.

use super::{Goal, Puzzle, Row, State, Style};

/// The persistent habit's next block.
pub fn persistent(puzzle: &Puzzle, style: &Style, state: &State) -> String {
    let Style { ids, rows, look, .. } = style;
    match state.goal {
        Goal::Look { from, to } => {
            let setup = if from == 0 || state.lost {
                format!(
                    "{}{rows} = {}\ndef {look}(a, b):\n    for i in range(a, b):\n{}    print({rows}[a:])\n",
                    list_items(ids),
                    rows_literal(&state.rows),
                    indented(&inspect(style)),
                )
            } else {
                String::new()
            };
            format!("{setup}{look}({from}, {to})\n")
        }
        Goal::Choose if state.lost => {
            format!("{}{rows} = {}\n{}", list_items(ids), rows_literal(&state.rows), choose(puzzle, style))
        }
        Goal::Choose => choose(puzzle, style),
        Goal::Take { from } => {
            let again = if state.lost { chosen_literal(style, &state.chosen) } else { String::new() };
            format!("{again}{}", take(style, from, state.chosen.len()))
        }
        Goal::Finish => "finish()\n".to_owned(),
    }
}

/// The reset habit's next block.
pub fn reset(puzzle: &Puzzle, style: &Style, state: &State) -> String {
    let Style { ids, rows, .. } = style;
    match state.goal {
        Goal::Look { from, to } => format!(
            "{}{rows} = {}\nfor i in range({from}, {to}):\n{}print({rows}[{from}:])\n",
            list_items(ids),
            rows_literal(&state.rows),
            inspect(style),
        ),
        Goal::Choose => format!("{rows} = {}\n{}", rows_literal(&state.rows), choose(puzzle, style)),
        Goal::Take { from } => {
            format!("{}{}", chosen_literal(style, &state.chosen), take(style, from, state.chosen.len()))
        }
        Goal::Finish => "finish()\n".to_owned(),
    }
}

/// The ids in an order that does not depend on how the server lists them.
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

/// The best set by trying all: few items are inspected.
fn choose(puzzle: &Puzzle, style: &Style) -> String {
    let Style { rows, chosen, .. } = style;
    format!(
        "{}from itertools import combinations
ok = [r for r in {rows} if r[3] in allowed_classes]
sets = [s for n in range(len(ok) + 1) for s in combinations(ok, n) if sum(r[1] for r in s) <= capacity]
{chosen} = [r[0] for r in max(sets, key=lambda s: sum(r[2] for r in s))]
print({chosen})
",
        given(&puzzle.allowed, puzzle.capacity),
    )
}

/// What the task's public data gives, under the names that it has there.
pub(crate) fn given(allowed: &[String], capacity: u64) -> String {
    let allowed: Vec<String> = allowed.iter().map(|class| format!("{class:?}")).collect();
    format!("allowed_classes = [{}]\ncapacity = {capacity}\n", allowed.join(", "))
}

/// Takes as many of the chosen items, from this one on, as a block can.
pub(crate) fn take(style: &Style, from: usize, all: usize) -> String {
    let Style { ids, chosen, taken, .. } = style;
    let part = match (from, from + taken) {
        (0, to) if to >= all => String::new(),
        (from, to) => format!("[{from}:{to}]"),
    };
    format!("for i in {chosen}{part}:\n    take_item({ids}[i])\n")
}

/// What taking needs, as an output printed it.
pub(crate) fn chosen_literal(style: &Style, positions: &[usize]) -> String {
    let Style { ids, chosen, .. } = style;
    format!("{}{chosen} = {positions:?}\n", list_items(ids))
}

/// Rows as the code prints them.
pub(crate) fn rows_literal(rows: &[Row]) -> String {
    let tuple = |row: &Row| format!("({}, {}, {}, '{}')", row.position, row.weight, row.value, row.class);
    format!("[{}]", rows.iter().map(tuple).collect::<Vec<_>>().join(", "))
}

fn indented(code: &str) -> String {
    code.lines().map(|line| format!("    {line}\n")).collect()
}
