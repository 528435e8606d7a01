//! The blocks of the policies that write Python.

use super::state::State;
use super::style::{Names, Style};
use super::task::Task;
use crate::teachers::policy::Habit;
use crate::teachers::random::Random;
use crate::teachers::text::{indented, python_list};

/// The next block. Whether it defines what it uses depends on the habit; what it does does not.
pub fn write(habit: Habit, task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    if state.is_over(task) {
        return "finish()\n".to_owned();
    }
    let Names { here, goal, explore, .. } = style.names;
    let calls = style.calls;
    let mut code = String::new();
    if habit.relies_on_names() {
        if !state.has_begun || state.trouble.missing.is_some() {
            code += &format!("{}\n{}\n{}\n", known(task, style, state), ways(style, random), helper(style));
        }
        code += &format!("{explore}({calls})\n");
    } else {
        code += &format!("{}\n{}\n", known(task, style, state), ways(style, random));
        code += &format!("for _ in range({calls}):\n{}{}", indented(&one_call(style)), report(style));
    }
    if style.finishes_at_once {
        code += &format!("if {here} == {goal}:\n    finish()\n");
    }
    code
}

/// Binds the task's numbers, and what the outputs showed.
fn known(task: &Task, style: &Style, state: &State) -> String {
    let Names { graph, here, start, goal, left, .. } = style.names;
    let lines: Vec<String> = (state.map.nodes().iter())
        .map(|(node, near)| format!("    '{node}': {},\n", python_list(near)))
        .collect();
    let literal = if lines.is_empty() { "{}".to_owned() } else { format!("{{\n{}}}", lines.concat()) };
    let position = if state.here == task.start { start.to_owned() } else { format!("'{}'", state.here) };
    format!(
        "{start} = '{}'\n{goal} = '{}'\n{here} = {position}\n{left} = {}\n{graph} = {literal}\n",
        task.start, task.goal, state.left,
    )
}

/// The function that finds a shortest known way to every node, from the node of its argument.
fn ways(style: &Style, random: &mut Random) -> String {
    let Names { graph, ways, .. } = style.names;
    let comment = if style.comments {
        random.comment(&[
            "a shortest known way to every node",
            "breadth-first search in what was seen",
            "node -> the nodes on the way to it",
            "how to get to each node",
        ])
    } else {
        String::new()
    };
    format!(
        "{comment}def {ways}(origin):
    found = {{origin: [origin]}}
    queue = [origin]
    for node in queue:
        for near in {graph}.get(node, []):
            if near not in found:
                found[near] = found[node] + [near]
                queue.append(near)
    return found
"
    )
}

/// The function that explores.
fn helper(style: &Style) -> String {
    let Names { here, left, explore, .. } = style.names;
    let steps = format!("for _ in range(calls):\n{}{}", indented(&one_call(style)), report(style));
    format!("def {explore}(calls):\n    global {here}, {left}\n{}", indented(&steps))
}

/// The body of the loop: a look around, or a move.
fn one_call(style: &Style) -> String {
    let Names { graph, here, start, goal, left, ways, .. } = style.names;
    format!(
        "if {here} == {goal} or {left} == 0:
    break
if {here} not in {graph}:
    {graph}[{here}] = scan().split(',')
    print({here}, {graph}[{here}])
    continue
near, far = {ways}({here}), {ways}({start})
unseen = [node for node in near if node not in {graph}]
target = {goal} if {goal} in near else max(unseen, key=lambda node: (len(far[node]), -len(near[node])))
step = near[target][1]
move(step)
{here} = step
{left} -= 1
"
    )
}

fn report(style: &Style) -> String {
    let Names { here, left, .. } = style.names;
    format!("print(f'at {{{here}}}, {{{left}}} moves left')\n")
}
