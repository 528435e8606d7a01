//! The blocks of the reset habit.

use super::{super::python_list, Goal, Look, Row, State, Style, words};
use crate::model::scripted::{
    knapsack::Puzzle,
    voice::{self, Voice},
};

/// The next answer: reasoning and a block.
pub fn write(puzzle: &Puzzle, style: &Style, state: &State, voice: &mut Voice) -> String {
    let chosen = style.names.chosen;
    let code = match state.goal {
        Goal::Look { from, to } => look(puzzle, style, state, from, to),
        Goal::Choose => format!("{}print(total)\nprint({chosen})\n", choose(puzzle, style, state)),
        Goal::ChooseAndTake => {
            format!("{}print(total)\nprint({chosen})\n\n{}", choose(puzzle, style, state), take(style))
        }
        Goal::Take { from } => {
            let rest = &state.chosen[from.min(state.chosen.len())..];
            let now = &rest[..rest.len().min(puzzle.calls)];
            format!("{chosen} = {}\n{}", python_list(now), take(style))
        }
        Goal::Finish => "finish()\n".to_owned(),
    };
    voice::message(&words::reasoning(puzzle, state, voice), &code)
}

/// Inspects the next batch, with everything known so far in the block.
fn look(puzzle: &Puzzle, style: &Style, state: &State, from: usize, to: usize) -> String {
    let super::Names { ids, rows, helper, batch, item, facts, .. } = style.names;
    let list = if style.pastes_ids {
        format!("{ids} = {}\n", python_list(&puzzle.ids))
    } else {
        format!("{ids} = sorted(json.loads(list_items()))\n")
    };
    let mut code = format!("import json\n\n{list}{rows} = {}\n", literal(&state.rows));
    code.push_str(&match style.look {
        Look::Slice => format!(
            "for {item} in {ids}[{from}:{to}]:
    {facts} = json.loads(inspect({item}))
    {rows}.append(({item}, {facts}['class'], {facts}['weight'], {facts}['value']))
for row in {rows}[{from}:]:
    print(row)
"
        ),
        Look::Unseen => format!(
            "seen = {{row[0] for row in {rows}}}
{batch} = [{item} for {item} in {ids} if {item} not in seen][:{}]
for {item} in {batch}:
    {facts} = json.loads(inspect({item}))
    print(({item}, {facts}['class'], {facts}['weight'], {facts}['value']))
",
            to - from
        ),
        Look::Function => format!(
            "
def {helper}({item}):
    {facts} = json.loads(inspect({item}))
    return ({item}, {facts}['class'], {facts}['weight'], {facts}['value'])

for {item} in {ids}[{from}:{to}]:
    row = {helper}({item})
    {rows}.append(row)
    print(row)
"
        ),
    });
    code
}

/// The best set among the allowed rows, which stand in the block.
fn choose(puzzle: &Puzzle, style: &Style, state: &State) -> String {
    let super::Names { rows, item, allowed, capacity, candidates, .. } = style.names;
    let usable: Vec<Row> =
        state.rows.iter().filter(|row| puzzle.allowed.contains(&row.class)).cloned().collect();
    format!(
        "{allowed} = {}
{capacity} = {}
{rows} = {}
{candidates} = [({item}, w, v) for {item}, c, w, v in {rows} if c in {allowed}]
{}",
        python_list(&puzzle.allowed),
        puzzle.capacity,
        literal(&usable),
        style.solver.code(&style.names),
    )
}

fn take(style: &Style) -> String {
    let super::Names { item, chosen, .. } = style.names;
    format!("for {item} in {chosen}:\n    take_item({item})\n    print('took', {item})\n")
}

/// Rows as a Python list, a row a line.
fn literal(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "[]".to_owned();
    }
    let lines: Vec<String> = rows.iter().map(|row| format!("    {},\n", row.literal())).collect();
    format!("[\n{}]", lines.concat())
}
