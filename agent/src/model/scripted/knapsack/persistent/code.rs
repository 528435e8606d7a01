//! The blocks of the persistent habit.

use super::super::python_list;
use super::{Goal, Report, Rows, State, Style, words};
use crate::model::scripted::knapsack::Puzzle;
use crate::model::scripted::voice::{self, Voice};

/// The next answer: reasoning and a block.
pub fn write(puzzle: &Puzzle, style: &Style, state: &State, voice: &mut Voice) -> String {
    let names = &style.names;
    let finish = if state.finishes(puzzle, style) { "finish()\n" } else { "" };
    let code = match (state.goal, &state.missing) {
        (Goal::Look { from: 0, to }, None) => {
            format!("{}\n{}", setup(puzzle, style, true, voice), look(style, &slice(puzzle, style, 0, to)))
        }
        (Goal::Look { from, to }, None) => look(style, &slice(puzzle, style, from, to)),
        (Goal::Look { from, to }, Some(_)) => {
            let window = state.window(puzzle, from, to);
            format!(
                "{}\n{}print({})\n",
                setup(puzzle, style, true, voice),
                look(style, &slice(puzzle, style, window.start, window.end)),
                allowed_ids(style),
            )
        }
        (Goal::Choose, None) => format!("{}print({})\n", choose(style, voice), verdict(style)),
        (Goal::ChooseAndTake, None) => format!(
            "{}{}print({})\n{finish}",
            choose(style, voice),
            take(style, names.chosen, voice),
            verdict(style)
        ),
        (Goal::Choose | Goal::ChooseAndTake, Some(_)) => {
            let again = python_list(&state.worth_another_look(puzzle, puzzle.calls));
            format!(
                "{}\n{}{}print({})\nprint({})\n",
                setup(puzzle, style, false, voice),
                look(style, &again),
                choose(style, voice),
                verdict(style),
                names.chosen,
            )
        }
        (Goal::Take { from }, None) => {
            let part = part(puzzle, state, from);
            let items =
                part.map_or_else(|| names.chosen.to_owned(), |part| format!("{}{part}", names.chosen));
            format!("{}print('taken', len({items}))\n{finish}", take(style, &items, voice))
        }
        (Goal::Take { from }, Some(_)) => format!("{}{finish}", retake(puzzle, style, state, from, voice)),
        (Goal::Finish, _) => "finish()\n".to_owned(),
    };
    voice::message(&words::reasoning(puzzle, style, state, voice), &code)
}

/// Everything that the later blocks rely on.
fn setup(puzzle: &Puzzle, style: &Style, lists_items: bool, voice: &mut Voice) -> String {
    let names = &style.names;
    let mut code = String::new();
    if style.imports_json {
        code.push_str("import json\n\n");
    }
    if lists_items {
        code.push_str(&puzzle.order.bind(names.ids, &python_list(&puzzle.given), false));
    }
    code.push_str(&format!("{} = {}\n", names.allowed, python_list(&puzzle.allowed)));
    code.push_str(&format!("{} = {}\n", names.capacity, puzzle.capacity));
    code.push_str(&format!(
        "{} = {}\n\n",
        names.rows,
        if matches!(style.rows, Rows::List) { "[]" } else { "{}" }
    ));
    code.push_str(&voice.comment(&[
        "inspects some items and remembers them",
        "one place for inspecting",
        "keeps what every inspection tells",
        "inspect a batch, store the facts",
    ]));
    code.push_str(&helper(style));
    code
}

/// The function that inspects a batch and stores what it finds.
fn helper(style: &Style) -> String {
    let super::Names { rows, helper, batch, item, facts, .. } = style.names;
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
fn look(style: &Style, batch: &str) -> String {
    let helper = style.names.helper;
    match style.report {
        Report::ReturnsCount => format!("print({helper}({batch}))\n"),
        Report::PrintsCount | Report::PrintsAllowed => format!("{helper}({batch})\n"),
    }
}

fn slice(puzzle: &Puzzle, style: &Style, from: usize, to: usize) -> String {
    let ids = style.names.ids;
    match (from, to) {
        (0, to) => format!("{ids}[:{to}]"),
        (from, to) if to == puzzle.ids.len() => format!("{ids}[{from}:]"),
        (from, to) => format!("{ids}[{from}:{to}]"),
    }
}

/// How many of the rows are of allowed items, as an expression.
fn allowed_count(style: &Style) -> String {
    let super::Names { rows, allowed, .. } = style.names;
    match style.rows {
        Rows::Tuples => format!("sum(row[0] in {allowed} for row in {rows}.values())"),
        Rows::Dicts => format!("sum(row['class'] in {allowed} for row in {rows}.values())"),
        Rows::List => format!("sum(row[1] in {allowed} for row in {rows})"),
    }
}

/// The ids of allowed items among the rows, as an expression.
fn allowed_ids(style: &Style) -> String {
    let super::Names { rows, item, allowed, .. } = style.names;
    match style.rows {
        Rows::Tuples => format!("[{item} for {item} in {rows} if {rows}[{item}][0] in {allowed}]"),
        Rows::Dicts => format!("[{item} for {item} in {rows} if {rows}[{item}]['class'] in {allowed}]"),
        Rows::List => format!("[row[0] for row in {rows} if row[1] in {allowed}]"),
    }
}

/// The best set among the rows.
fn choose(style: &Style, voice: &mut Voice) -> String {
    let super::Names { rows, item, allowed, candidates, .. } = style.names;
    let allowed_rows = match style.rows {
        Rows::Tuples => format!("[({item}, w, v) for {item}, (c, w, v) in {rows}.items() if c in {allowed}]"),
        Rows::Dicts => format!(
            "[({item}, r['weight'], r['value']) for {item}, r in {rows}.items() if r['class'] in {allowed}]"
        ),
        Rows::List => format!("[({item}, w, v) for {item}, c, w, v in {rows} if c in {allowed}]"),
    };
    let comment = voice.comment(&[
        "only what may be taken",
        "allowed items: id, weight, value",
        "the items that count",
        "exact 0/1 knapsack",
    ]);
    format!("{comment}{candidates} = {allowed_rows}\n{}", style.solver.code(&style.names))
}

/// What is printed of a choice; the count comes first.
fn verdict(style: &Style) -> String {
    format!("len({}), 'items, value', total", style.names.chosen)
}

fn take(style: &Style, items: &str, voice: &mut Voice) -> String {
    let item = style.names.item;
    let comment = voice.comment(&["pack them", "take the best set", "into the knapsack"]);
    format!("{comment}for {item} in {items}:\n    take_item({item})\n")
}

/// The slice of the chosen items that one step can take, unless it is all.
fn part(puzzle: &Puzzle, state: &State, from: usize) -> Option<String> {
    let (count, _) = state.verdict.filter(|&(count, _)| count > puzzle.calls)?;
    Some(format!("[{from}:{}]", (from + puzzle.calls).min(count)))
}

/// Taking after the choice was lost: from the printed ids, or else by choosing
/// again among as many items as the calls of a step allow beside the taking.
fn retake(puzzle: &Puzzle, style: &Style, state: &State, from: usize, voice: &mut Voice) -> String {
    let chosen = style.names.chosen;
    if !state.chooses_again() {
        let rest = &state.chosen[from.min(state.chosen.len())..];
        let now = &rest[..rest.len().min(puzzle.calls)];
        return format!(
            "{chosen} = {}\n{}print('taken', len({chosen}))\n",
            python_list(now),
            take(style, chosen, voice)
        );
    }
    let takes = state.verdict.map_or(puzzle.calls / 3, |(count, _)| count);
    let again = python_list(&state.worth_another_look(puzzle, puzzle.calls.saturating_sub(takes + 2).max(1)));
    format!(
        "{}\n{}{}{}print({})\n",
        setup(puzzle, style, false, voice),
        look(style, &again),
        choose(style, voice),
        take(style, chosen, voice),
        verdict(style),
    )
}
