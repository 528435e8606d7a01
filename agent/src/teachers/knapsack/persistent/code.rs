//! The blocks of the persistent policy.

use super::reasoning;
use super::state::State;
use super::style::{Report, Rows, Style};
use crate::teachers::knapsack::goal::Goal;
use crate::teachers::knapsack::names::Names;
use crate::teachers::knapsack::task::Task;
use crate::teachers::random::Random;
use crate::teachers::text::{python_list, reply};

/// The next answer: reasoning and a block.
pub fn write(task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    let names = &style.names;
    let finish = if state.finishes(task, style) { "finish()\n" } else { "" };
    let code = match (state.goal, &state.missing) {
        (Goal::Inspect { from: 0, to }, None) => {
            format!("{}\n{}", setup(task, style, true, random), inspect(style, &slice(task, style, 0, to)))
        }
        (Goal::Inspect { from, to }, None) => inspect(style, &slice(task, style, from, to)),
        (Goal::Inspect { from, to }, Some(_)) => {
            let window = state.window(task, from, to);
            format!(
                "{}\n{}print({})\n",
                setup(task, style, true, random),
                inspect(style, &slice(task, style, window.start, window.end)),
                allowed_ids(style),
            )
        }
        (Goal::Choose, None) => format!("{}print({})\n", choose(style, random), count_and_value(style)),
        (Goal::ChooseAndTake, None) => format!(
            "{}{}print({})\n{finish}",
            choose(style, random),
            take(style, names.chosen, random),
            count_and_value(style)
        ),
        (Goal::Choose | Goal::ChooseAndTake, Some(_)) => {
            let ids = python_list(&state.to_inspect_again(task, task.calls));
            format!(
                "{}\n{}{}print({})\nprint({})\n",
                setup(task, style, false, random),
                inspect(style, &ids),
                choose(style, random),
                count_and_value(style),
                names.chosen,
            )
        }
        (Goal::Take { from }, None) => {
            let part = part(task, state, from);
            let items =
                part.map_or_else(|| names.chosen.to_owned(), |part| format!("{}{part}", names.chosen));
            format!("{}print('taken', len({items}))\n{finish}", take(style, &items, random))
        }
        (Goal::Take { from }, Some(_)) => format!("{}{finish}", retake(task, style, state, from, random)),
        (Goal::Finish, _) => "finish()\n".to_owned(),
    };
    reply(&reasoning::write(task, style, state, random), &code)
}

/// Defines everything that later blocks rely on.
fn setup(task: &Task, style: &Style, lists_items: bool, random: &mut Random) -> String {
    let names = &style.names;
    let mut code = String::new();
    if style.imports_json {
        code.push_str("import json\n\n");
    }
    if lists_items {
        code.push_str(&task.order.bind(names.ids, &python_list(&task.given), false));
    }
    code.push_str(&format!("{} = {}\n", names.allowed, python_list(&task.allowed)));
    code.push_str(&format!("{} = {}\n", names.capacity, task.capacity));
    code.push_str(&format!(
        "{} = {}\n\n",
        names.rows,
        if matches!(style.rows, Rows::List) { "[]" } else { "{}" }
    ));
    code.push_str(&random.comment(&[
        "inspects some items and remembers them",
        "one place for inspecting",
        "keeps what every inspection tells",
        "inspect a batch, store the facts",
    ]));
    code.push_str(&helper(style));
    code
}

/// The function that inspects a batch and stores the results.
fn helper(style: &Style) -> String {
    let Names { rows, helper, batch, item, facts, .. } = style.names;
    let mut code = format!("def {helper}({batch}):\n");
    code.push_str(&match style.rows {
        Rows::Tuples => format!(
            "    for {item} in {batch}:
        {facts} = json.loads(inspect({item}))
        {rows}[{item}] = ({facts}['class'], {facts}['weight'], {facts}['value'])
"
        ),
        Rows::Dicts => {
            format!("    {rows}.update({{{item}: json.loads(inspect({item})) for {item} in {batch}}})\n")
        }
        Rows::List => format!(
            "    for {item} in {batch}:
        {facts} = json.loads(inspect({item}))
        {rows}.append(({item}, {facts}['class'], {facts}['weight'], {facts}['value']))
"
        ),
    });
    code.push_str(&match style.report {
        Report::ReturnsCount => format!("    return len({rows})\n"),
        Report::PrintsCount => format!("    print(len({rows}), 'inspected')\n"),
        Report::PrintsAllowed => {
            format!("    print(len({rows}), 'inspected,', {}, 'allowed')\n", allowed_count(style))
        }
    });
    code
}

/// A call of the helper.
fn inspect(style: &Style, batch: &str) -> String {
    let helper = style.names.helper;
    match style.report {
        Report::ReturnsCount => format!("print({helper}({batch}))\n"),
        Report::PrintsCount | Report::PrintsAllowed => format!("{helper}({batch})\n"),
    }
}

fn slice(task: &Task, style: &Style, from: usize, to: usize) -> String {
    let ids = style.names.ids;
    match (from, to) {
        (0, to) => format!("{ids}[:{to}]"),
        (from, to) if to == task.ids.len() => format!("{ids}[{from}:]"),
        (from, to) => format!("{ids}[{from}:{to}]"),
    }
}

/// How many of the rows are of allowed items, as an expression.
fn allowed_count(style: &Style) -> String {
    let Names { rows, allowed, .. } = style.names;
    match style.rows {
        Rows::Tuples => format!("sum(row[0] in {allowed} for row in {rows}.values())"),
        Rows::Dicts => format!("sum(row['class'] in {allowed} for row in {rows}.values())"),
        Rows::List => format!("sum(row[1] in {allowed} for row in {rows})"),
    }
}

/// The ids of allowed items among the rows, as an expression.
fn allowed_ids(style: &Style) -> String {
    let Names { rows, item, allowed, .. } = style.names;
    match style.rows {
        Rows::Tuples => format!("[{item} for {item} in {rows} if {rows}[{item}][0] in {allowed}]"),
        Rows::Dicts => format!("[{item} for {item} in {rows} if {rows}[{item}]['class'] in {allowed}]"),
        Rows::List => format!("[row[0] for row in {rows} if row[1] in {allowed}]"),
    }
}

/// Computes the best set among the rows.
fn choose(style: &Style, random: &mut Random) -> String {
    let Names { rows, item, allowed, candidates, .. } = style.names;
    let allowed_rows = match style.rows {
        Rows::Tuples => format!("[({item}, w, v) for {item}, (c, w, v) in {rows}.items() if c in {allowed}]"),
        Rows::Dicts => format!(
            "[({item}, r['weight'], r['value']) for {item}, r in {rows}.items() if r['class'] in {allowed}]"
        ),
        Rows::List => format!("[({item}, w, v) for {item}, c, w, v in {rows} if c in {allowed}]"),
    };
    let comment = random.comment(&[
        "only what may be taken",
        "allowed items: id, weight, value",
        "the items that count",
        "exact 0/1 knapsack",
    ]);
    format!("{comment}{candidates} = {allowed_rows}\n{}", style.solver.code(&style.names))
}

/// What a choice prints: the count, then the value.
fn count_and_value(style: &Style) -> String {
    format!("len({}), 'items, value', total", style.names.chosen)
}

fn take(style: &Style, items: &str, random: &mut Random) -> String {
    let item = style.names.item;
    let comment = random.comment(&["pack them", "take the best set", "into the knapsack"]);
    format!("{comment}for {item} in {items}:\n    take_item({item})\n")
}

/// The slice of the chosen items that one step can take; `None` if it can take all.
fn part(task: &Task, state: &State, from: usize) -> Option<String> {
    let (count, _) = state.best_set.filter(|&(count, _)| count > task.calls)?;
    Some(format!("[{from}:{}]", (from + task.calls).min(count)))
}

/// Takes after the chosen ids were lost: pastes them if they were printed, and otherwise chooses again among
/// as many items as the tool calls of a step allow besides taking.
fn retake(task: &Task, style: &Style, state: &State, from: usize, random: &mut Random) -> String {
    let chosen = style.names.chosen;
    if !state.chooses_again() {
        let rest = &state.chosen[from.min(state.chosen.len())..];
        let now = &rest[..rest.len().min(task.calls)];
        return format!(
            "{chosen} = {}\n{}print('taken', len({chosen}))\n",
            python_list(now),
            take(style, chosen, random)
        );
    }
    let takes = state.best_set.map_or(task.calls / 3, |(count, _)| count);
    let ids = python_list(&state.to_inspect_again(task, task.calls.saturating_sub(takes + 2).max(1)));
    format!(
        "{}\n{}{}{}print({})\n",
        setup(task, style, false, random),
        inspect(style, &ids),
        choose(style, random),
        take(style, chosen, random),
        count_and_value(style),
    )
}
