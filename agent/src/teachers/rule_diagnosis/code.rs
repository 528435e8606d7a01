//! The blocks of the policies that write Python.

use super::goal::Goal;
use super::kind::Kind;
use super::rule::Rule;
use super::state::{MOST_SUBMITTED, State};
use super::style::{Names, Style};
use super::task::Task;
use crate::teachers::policy::Habit;
use crate::teachers::random::Random;

/// The next block. Whether it defines what it uses depends on the habit; what it does does not.
pub fn write(habit: Habit, task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    let relies = habit.relies_on_names();
    // What a block defines: the first one of the persistent policies, one after a loss, and every one of the others.
    let defines = !relies || !state.has_begun || state.trouble.missing.is_some();
    let Names { probe, .. } = style.names;
    match &state.goal {
        Goal::Probe(inputs) => {
            let setup =
                if defines { known(state, style) + &helper(relies, style, random) } else { String::new() };
            let probing = if relies {
                format!("{probe}({inputs:?})\n")
            } else {
                loop_over(style, &format!("{inputs:?}"))
            };
            setup + &probing
        }
        Goal::Solve { probes } => {
            let setup =
                if defines { known(state, style) + &helper(relies, style, random) } else { String::new() };
            let probing = match (probes, relies) {
                (false, _) => String::new(),
                (true, true) => format!("{probe}([x])\n"),
                (true, false) => probe_x(style),
            };
            setup
                + &match task.kind {
                    Kind::Linear => line(style, &probing),
                    // The persistent policies keep the rules that fit the answers before.
                    Kind::Affine => affine(task, style, state, &probing, defines || state.rules.is_empty()),
                }
        }
        Goal::Submit { from } => submit(task, style, state, *from, [relies, defines]),
        Goal::Finish => "finish()\n".to_owned(),
    }
}

/// Binds what was probed.
fn known(state: &State, style: &Style) -> String {
    let entries: Vec<String> = state.seen.iter().map(|(x, y)| format!("{x}: {y}")).collect();
    format!("{} = {{{}}}\n", style.names.seen, entries.join(", "))
}

/// The function that probes, in the persistent policies.
fn helper(relies: bool, style: &Style, random: &mut Random) -> String {
    if !relies {
        return String::new();
    }
    let Names { seen, probe, .. } = style.names;
    let comment = comment(
        style,
        random,
        &[
            "tests inputs and remembers the answers",
            "one place for probing",
            "every answer is kept",
            "x -> answer",
        ],
    );
    format!(
        "\n{comment}def {probe}(inputs):
    for x in inputs:
        {seen}[x] = test_input(x)
        print(f'{{x}}: {{{seen}[x]}}')

"
    )
}

fn comment(style: &Style, random: &mut Random, options: &[&str]) -> String {
    if style.comments { random.comment(options) } else { String::new() }
}

/// Probes without a helper.
fn loop_over(style: &Style, inputs: &str) -> String {
    let seen = style.names.seen;
    format!("for x in {inputs}:\n    {seen}[x] = test_input(x)\n    print(f'{{x}}: {{{seen}[x]}}')\n")
}

fn probe_x(style: &Style) -> String {
    let seen = style.names.seen;
    format!("{seen}[x] = test_input(x)\nprint(f'{{x}}: {{{seen}[x]}}')\n")
}

/// Finds `a` and `b`; with `probing` they are confirmed at one more input.
fn line(style: &Style, probing: &str) -> String {
    let seen = style.names.seen;
    let solved = match style.first[..] {
        [x] => format!("a = round({seen}[{x}] / {x})\nb = {seen}[{x}] - a * {x}\n"),
        [x0, x1, ..] => {
            let difference = format!("{seen}[{x1}] - {seen}[{x0}]");
            let a = if x1 - x0 == 1 { difference } else { format!("({difference}) // {}", x1 - x0) };
            let b = match x0 {
                0 => format!("{seen}[0]"),
                1 => format!("{seen}[1] - a"),
                -1 => format!("{seen}[-1] + a"),
                _ => format!("{seen}[{x0}] - a * {x0}"),
            };
            format!("a = {a}\nb = {b}\n")
        }
        [] => String::new(),
    };
    let print = "print(f'a = {a}, b = {b}')\n";
    if probing.is_empty() {
        return solved + print;
    }
    format!("{solved}x = {}\n{probing}{print}print('confirmed:', a * x + b == {seen}[x])\n", style.check)
}

/// Finds the rules with a modulus; with `probing` one more input tells them apart. `anew`: the rules that fit the
/// answers before are not in a variable.
fn affine(task: &Task, style: &Style, state: &State, probing: &str, anew: bool) -> String {
    let Names { seen, rules, .. } = style.names;
    let end = task.range.1 + 1;
    let above = task.highest_modulus() + 1;
    let mut code = String::new();
    if anew {
        // The answers at 0 and 1 alone fit by construction.
        let fits = if state.seen.len() > 2 {
            format!("\n         if all((a * x + b) % m == y for x, y in {seen}.items())")
        } else {
            String::new()
        };
        code += &format!(
            "a, b = {seen}[1] - {seen}[0], {seen}[0]
{rules} = [(a % m, b, m) for m in range(max({seen}.values()) + 1, {above}){fits}]
"
        );
    }
    if !probing.is_empty() {
        let inputs = match task.stride() {
            1 => format!("range(2, {end})"),
            stride => format!("range(2, {end}, {stride})"),
        };
        code += &format!(
            "x = max({inputs}, key=lambda x: len({{(a * x + b) % m for a, b, m in {rules}}}))
{probing}{rules} = [(a, b, m) for a, b, m in {rules} if (a * x + b) % m == {seen}[x]]
"
        );
    }
    code + &format!("print(len({rules}), 'fit:', {rules}[:{MOST_SUBMITTED}])\n")
}

/// Submits the rules from an index on, until one is right.
fn submit(task: &Task, style: &Style, state: &State, from: usize, [relies, defines]: [bool; 2]) -> String {
    let Names { rules, right, .. } = style.names;
    let literal = |rule: &Rule| match rule.m {
        Some(m) => format!("({}, {}, {m})", rule.a, rule.b),
        None => format!("{}, {}", rule.a, rule.b),
    };
    let to = (from + style.submissions(task)).min(state.rules.len());
    let submitting = match state.rules[..] {
        [rule] if rule.m.is_none() => {
            let values = if defines { format!("a, b = {}\n", literal(&rule)) } else { String::new() };
            format!("{values}{right} = submit(json.dumps({{'a': a, 'b': b}}))\nprint({right})\n")
        }
        _ => {
            // A later block may need those after them only if it relies on the name.
            let held = if relies { 0..state.rules.len() } else { from..to };
            let is_all = if defines { held == (from..to) } else { from == 0 && to == state.count };
            let part = if is_all { rules.to_owned() } else { format!("{rules}[{from}:{to}]") };
            let written: Vec<String> = state.rules[held].iter().map(literal).collect();
            let values =
                if defines { format!("{rules} = [{}]\n", written.join(", ")) } else { String::new() };
            format!(
                "{values}for a, b, m in {part}:
    {right} = submit(json.dumps({{'a': a, 'b': b, 'm': m}}))
    print((a, b, m), {right})
    if {right}:
        break
"
            )
        }
    };
    if style.finishes_at_once { format!("{submitting}if {right}:\n    finish()\n") } else { submitting }
}
