//! The blocks of the reset policy.

use super::reasoning;
use super::row::{Form, Row};
use super::state::State;
use super::style::Style;
use crate::teachers::knapsack::goal::Goal;
use crate::teachers::knapsack::names::Names;
use crate::teachers::knapsack::task::Task;
use crate::teachers::random::Random;
use crate::teachers::text::{python_list, reply};

/// The next answer: reasoning and a block.
pub fn write(task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    let chosen = style.names.chosen;
    let finish = if state.finishes(task, style) { "finish()\n" } else { "" };
    let code = match state.goal {
        Goal::Inspect { from, to } => inspect(task, style, state, to - from, random),
        Goal::Choose => format!("{}print(total)\nprint({chosen})\n", choose(task, style, state, random)),
        Goal::ChooseAndTake => format!(
            "{}print(total)\nprint({chosen})\n\n{}{finish}",
            choose(task, style, state, random),
            take(style, random)
        ),
        Goal::Take { from } => {
            let rest = &state.chosen[from.min(state.chosen.len())..];
            let now = &rest[..rest.len().min(task.calls)];
            format!("{chosen} = {}\n{}{finish}", python_list(now), take(style, random))
        }
        Goal::Finish => "finish()\n".to_owned(),
    };
    reply(&reasoning::write(task, style, state, random), &code)
}

/// Inspects the next `count` items; the block holds those known so far.
fn inspect(task: &Task, style: &Style, state: &State, count: usize, random: &mut Random) -> String {
    let Names { ids, rows, batch, item, .. } = style.names;
    let mut code = String::new();
    if style.imports_json {
        code.push_str("import json\n\n");
    }
    code.push_str(&task.order.bind(ids, &python_list(&task.given), style.pastes_ids));
    if state.rows.is_empty() {
        if style.has_helper {
            code.push_str(&format!("\n{}\n", helper(style, random)));
        }
        code.push_str(&format!("for {item} in {ids}[:{count}]:\n{}", inspection(style, false)));
        return code;
    }
    if style.sums_up {
        code.push_str(&format!("{} = {}\n", style.names.allowed, python_list(&task.allowed)));
    }
    code.push_str(&random.comment(&[
        "seen so far",
        "copied from the outputs above",
        "known items",
        "no need to inspect these",
    ]));
    code.push_str(&format!("{rows} = {}\n", literal(style.form, state.rows.iter())));
    if style.has_helper {
        code.push_str(&format!("\n{}\n", helper(style, random)));
    }
    let seen = match style.form {
        Form::Tuples => {
            code.push_str(&format!("seen = {{row[0] for row in {rows}}}\n"));
            "seen"
        }
        Form::Entries => rows,
    };
    code.push_str(&format!(
        "{batch} = [{item} for {item} in {ids} if {item} not in {seen}][:{count}]\nfor {item} in {batch}:\n{}",
        inspection(style, style.sums_up)
    ));
    if style.sums_up {
        let allowed = style.names.allowed;
        let are_allowed = match style.form {
            Form::Tuples => format!("sum(row[1] in {allowed} for row in {rows})"),
            Form::Entries => format!("sum(row[0] in {allowed} for row in {rows}.values())"),
        };
        code.push_str(&format!("print(len({rows}), 'known,', {are_allowed}, 'allowed')\n"));
    }
    code
}

/// The function that inspects an item and returns its row.
fn helper(style: &Style, random: &mut Random) -> String {
    let Names { helper, item, facts, .. } = style.names;
    let comment = random.comment(&["one item's facts", "inspects an item", "what an inspection tells"]);
    let row = match style.form {
        Form::Tuples => format!("({item}, {facts}['class'], {facts}['weight'], {facts}['value'])"),
        Form::Entries => format!("({facts}['class'], {facts}['weight'], {facts}['value'])"),
    };
    format!("{comment}def {helper}({item}):\n    {facts} = json.loads(inspect({item}))\n    return {row}\n")
}

/// The body of the loop that inspects and prints; with `keeps` it also adds the rows to the known ones.
fn inspection(style: &Style, keeps: bool) -> String {
    let Names { rows, helper, item, facts, .. } = style.names;
    let (fetch, row) = match (style.has_helper, style.form) {
        (true, _) => (String::new(), format!("{helper}({item})")),
        (false, form) => (
            format!("    {facts} = json.loads(inspect({item}))\n"),
            match form {
                Form::Tuples => format!("({item}, {facts}['class'], {facts}['weight'], {facts}['value'])"),
                Form::Entries => format!("({facts}['class'], {facts}['weight'], {facts}['value'])"),
            },
        ),
    };
    let lines = match (style.form, keeps) {
        (Form::Tuples, false) => format!("    print({row})\n"),
        (Form::Tuples, true) => format!("    row = {row}\n    {rows}.append(row)\n    print(row)\n"),
        (Form::Entries, false) => format!("    print(repr({item}) + ':', {row})\n"),
        (Form::Entries, true) => {
            format!("    {rows}[{item}] = {row}\n    print(repr({item}) + ':', {rows}[{item}])\n")
        }
    };
    format!("{fetch}{lines}")
}

/// Computes the best set among the known items, which the block holds.
fn choose(task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    let Names { rows, item, allowed, capacity, candidates, .. } = style.names;
    let comment =
        random.comment(&["copied from the outputs above", "what I know", "the items to choose from"]);
    let candidates_code = if style.copies_all {
        let filter = match style.form {
            Form::Tuples => format!("({item}, w, v) for {item}, c, w, v in {rows}"),
            Form::Entries => format!("({item}, w, v) for {item}, (c, w, v) in {rows}.items()"),
        };
        format!(
            "{allowed} = {}\n{comment}{rows} = {}\n{candidates} = [{filter} if c in {allowed}]\n",
            python_list(&task.allowed),
            literal(style.form, state.rows.iter()),
        )
    } else {
        let usable = state.rows.iter().filter(|row| task.allowed.contains(&row.class));
        let lines: Vec<String> =
            usable.map(|row| format!("    ('{}', {}, {}),\n", row.id, row.weight, row.value)).collect();
        format!("{comment}{candidates} = [\n{}]\n", lines.concat())
    };
    format!("{capacity} = {}\n{candidates_code}{}", task.capacity, style.solver.code(&style.names))
}

fn take(style: &Style, random: &mut Random) -> String {
    let Names { item, chosen, .. } = style.names;
    let comment = random.comment(&["pack them", "take the best set", "into the knapsack"]);
    format!("{comment}for {item} in {chosen}:\n    take_item({item})\n    print('took', {item})\n")
}

/// Rows as a Python list or dict, one row per line.
fn literal<'rows>(form: Form, rows: impl Iterator<Item = &'rows Row>) -> String {
    let lines: Vec<String> = rows.map(|row| format!("    {},\n", row.literal(form))).collect();
    let (open, close) = match form {
        Form::Tuples => ('[', ']'),
        Form::Entries => ('{', '}'),
    };
    if lines.is_empty() { format!("{open}{close}") } else { format!("{open}\n{}{close}", lines.concat()) }
}
