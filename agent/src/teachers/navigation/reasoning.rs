//! The sentences before a block, and before a turn of the policy that calls tools.

use super::state::State;
use super::style::Style;
use super::task::Task;
use crate::teachers::policy::Habit;
use crate::teachers::random::Random;
use crate::teachers::text::Count;
use crate::teachers::trouble::lost;

/// The sentences before the next block.
pub fn write(habit: Habit, task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    let (nodes, moves) = (Count(state.map.nodes().len(), "node"), Count(state.left, "move"));
    let helper = &style.names.explore;
    let values: [(&str, &dyn std::fmt::Display); 6] = [
        ("nodes", &nodes),
        ("moves", &moves),
        ("helper", helper),
        ("graph", &style.names.graph),
        ("here", &state.here),
        ("goal", &task.goal),
    ];
    if state.is_over(task) {
        return random.pick(ending(task, state)).to_owned();
    }
    if let (Some(name), true) = (&state.trouble.missing, habit.relies_on_names()) {
        return format!("{} {}", lost(name, random), random.phrase(RECOVERING, &values));
    }
    if state.trouble.failures > 0 || state.trouble.missing.is_some() {
        return random.pick(FAILED).to_owned();
    }
    let options = match (habit, state.has_begun, state.map.shows(&task.goal)) {
        (Habit::PlainPersistent | Habit::PlainReset, false, _) => PLAIN_BEGINNING,
        (Habit::PlainPersistent | Habit::PlainReset, true, _) => PLAIN_EXPLORING,
        (Habit::Persistent, false, _) => BEGINNING_WITH_NAMES,
        (Habit::Reset, false, _) => BEGINNING_WITH_OUTPUTS,
        (Habit::Persistent, true, false) => EXPLORING_WITH_NAMES,
        (Habit::Reset, true, false) => EXPLORING_WITH_OUTPUTS,
        (Habit::Persistent, true, true) => ARRIVING_WITH_NAMES,
        (Habit::Reset, true, true) => ARRIVING_WITH_OUTPUTS,
    };
    random.phrase(options, &values)
}

fn ending(task: &Task, state: &State) -> &'static [&'static str] {
    if state.has_arrived(task) {
        &ARRIVED
    } else if state.left == 0 {
        &STRANDED
    } else {
        &[
            "That did not work, and trying it again would not help. I finish.",
            "I can't repair this, so I end the task here.",
            "I leave it at that and end the task.",
        ]
    }
}

/// On the goal.
pub const ARRIVED: [&str; 8] = [
    "I stand on the goal, so I finish.",
    "The goal is reached. I call finish().",
    "That is the node I was looking for; the task ends here.",
    "Arrived. Nothing is left to do but to finish.",
    "This is the goal, and every further move would only cost. I finish.",
    "The walk has ended where it should. Finishing.",
    "I am there, so I say so.",
    "Goal reached; one call remains.",
];

/// No moves are left.
pub const STRANDED: [&str; 3] = [
    "No moves are left, and this is not the goal. I finish.",
    "The moves are used up before the goal was found, so I end the task.",
    "I can't move any more. I finish here.",
];

const FAILED: &[&str] = &[
    "That did not work; I try it again.",
    "The block failed, so I run it once more.",
    "An error. Once more, with all that the block needs in it.",
    "It stopped early. I repeat it.",
];

const RECOVERING: &[&str] = &[
    "I write down the map that the outputs show, define everything again and go on from {here}.",
    "The outputs above have all that I need: {nodes} with their neighbours. I restore them and continue.",
    "So I rebuild `{graph}` from what was printed, and `{helper}` with it.",
    "I know from the outputs that I am at {here}; the rest is set up anew.",
    "I put the map of {nodes} together again and go on.",
    "Everything is defined once more here, from the outputs, and then the walk continues.",
    "I copy what was seen into `{graph}` and define the helper again.",
];

const PLAIN_BEGINNING: &[&str] = &[
    "I look around and explore.",
    "First I explore from the start.",
    "I start to walk towards unseen nodes.",
];

const PLAIN_EXPLORING: &[&str] =
    &["I go on exploring from {here}.", "I walk on; {moves} left.", "Now I explore further."];

const BEGINNING_WITH_NAMES: &[&str] = &[
    "I keep a map of what I see in `{graph}` and write a helper that walks and looks around.",
    "To begin, I define a map, a search for known ways, and `{helper}`, which explores some steps.",
    "The graph is hidden, so I explore: into the depth, and straight to the goal once I have seen it.",
    "{moves} have to suffice. `{helper}` goes to unseen nodes far from the start and remembers all it sees.",
    "Setup first: a map, breadth-first ways through it, and a function that explores a few calls at a time.",
    "Looking around is free, moving is not. I write `{helper}` so that it never moves without a plan.",
    "I need {goal}. I put everything that later steps need into variables and take the first steps.",
    "My plan: remember neighbours in `{graph}`, prefer unseen nodes far from the start, stop at the goal.",
];

const BEGINNING_WITH_OUTPUTS: &[&str] = &[
    "Nothing is kept between blocks, so I print every node with its neighbours, and where I stand.",
    "The graph is hidden. I explore a little and print all I see, in a form that I can copy.",
    "My map has to be in the outputs: one line a node, to be pasted later.",
    "{moves} have to suffice. I explore into the depth, and print what I see and where I end.",
    "I take the first steps and print the neighbours of every node on the way.",
    "Whatever I learn goes into the output, since the variables will be gone. I start walking.",
    "I need {goal}. This block looks around, moves on to unseen nodes, and prints what it finds.",
    "First steps: scan, move, scan again, and print each node for the next block.",
];

const EXPLORING_WITH_NAMES: &[&str] = &[
    "The goal is not in sight yet. I explore on with `{helper}`.",
    "{nodes} seen, {moves} left; the helper goes on.",
    "On from {here}.",
    "`{graph}` holds {nodes}. I let `{helper}` take the next steps.",
    "Not there yet. The same again from {here}.",
    "More of the same: unseen nodes far from the start come first.",
    "The map grows. I continue with {moves} left.",
    "I go on; everything that I need is in the variables.",
    "{moves} remain, so I walk on.",
];

const EXPLORING_WITH_OUTPUTS: &[&str] = &[
    "The goal is not in sight yet. I paste the {nodes} seen so far and explore on from {here}.",
    "I copy the map from the outputs, and my position, and walk on.",
    "{nodes} are known; they go into the block, since the variables are gone.",
    "Again a block of its own: the map so far, where I stand, {moves} left, and the next steps.",
    "Not there yet. With the printed neighbours written down again, I explore further.",
    "I write down what every output showed and continue from {here}.",
    "The outputs say that I am at {here} with {moves} left. From there I go on.",
    "I carry over the {nodes} that I have seen and look for unseen ones.",
    "{moves} remain. The map is pasted, and the walk continues.",
];

const ARRIVING_WITH_NAMES: &[&str] = &[
    "The goal is in sight: {goal} is in `{graph}`. `{helper}` walks straight to it.",
    "I have seen the goal. The shortest known way there is next.",
    "Now I know a way to the goal, so I go there.",
    "{goal} showed up. I let `{helper}` take the way to it.",
    "The map has the goal now; straight on.",
];

const ARRIVING_WITH_OUTPUTS: &[&str] = &[
    "The goal is in sight. I copy the map and walk straight to it.",
    "{goal} is in the outputs. With the map pasted, the shortest known way there is found.",
    "I have seen the goal; the block holds the map again and goes there from {here}.",
    "Now I know a way to the goal. I write the map down once more and take it.",
    "The printed neighbours include the goal, so this block walks to it.",
];
