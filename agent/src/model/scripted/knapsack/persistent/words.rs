//! The reasoning of the persistent habit.

use super::{Goal, State, Style};
use crate::model::scripted::{knapsack::Puzzle, voice::Voice};

/// A sentence or two before the block.
pub fn reasoning(puzzle: &Puzzle, style: &Style, state: &State, voice: &mut Voice) -> String {
    match &state.missing {
        Some(name) => format!("{} {}", lost(name, voice), again(state, voice)),
        None => plan(puzzle, style, state, voice),
    }
}

fn plan(puzzle: &Puzzle, style: &Style, state: &State, voice: &mut Voice) -> String {
    let helper = style.names.helper;
    let rows = style.names.rows;
    match state.goal {
        Goal::Look { from: 0, to } => {
            let first = voice.pick(&[
                "I list the items and set up a helper that inspects a batch and remembers what it finds.",
                "First I collect the ids and define a function that inspects items and stores the results.",
                "To begin, I keep the ids in a variable and write a helper that records inspected items.",
                "I start by listing the items and defining a helper for inspecting them in batches.",
            ]);
            let then =
                voice.pick(&["I try it on the first", "It starts with the first", "First batch: the first"]);
            format!("{first} {then} {to} items.")
        }
        Goal::Look { from, to } => {
            let count = to - from;
            if to == puzzle.to_inspect() {
                return match voice.between(0, 2) {
                    0 => format!("The last batch, from {from} on."),
                    1 => format!("What is left of the items to inspect goes through `{helper}` too."),
                    _ => format!("I complete `{rows}` with the last ones."),
                };
            }
            match voice.between(0, 4) {
                0 => format!("Next batch: {from} to {to}."),
                1 => format!("I inspect {count} more items with `{helper}`."),
                2 => format!("The helper is there, so I go on with the next {count} items."),
                3 => format!("On to the slice {from} to {to}; the results go into `{rows}`."),
                _ => format!("I continue with the next {count}."),
            }
        }
        Goal::Choose | Goal::ChooseAndTake => {
            let text = match voice.between(0, 3) {
                0 => format!("All items are in `{rows}`. Now I compute the best set within the capacity."),
                1 => format!(
                    "I have what I need. An exact knapsack over the allowed items in `{rows}` follows."
                ),
                2 => "Every item that may be inspected is known; I pick the best allowed set exactly."
                    .to_owned(),
                _ => format!("With `{rows}` complete, I solve the knapsack by dynamic programming."),
            };
            if state.goal == Goal::ChooseAndTake { format!("{text} Then I take it.") } else { text }
        }
        Goal::Take { .. } => {
            let chosen = style.names.chosen;
            match voice.between(0, 3) {
                0 => "Now I take the chosen items.".to_owned(),
                1 => format!("The choice is in `{chosen}`; I take these items."),
                2 => format!("I take everything in `{chosen}`."),
                _ => "That is the best set, so I take it.".to_owned(),
            }
        }
        Goal::Finish => voice
            .pick(&[
                "The items are taken, so I finish.",
                "Everything is done. I end the task.",
                "Nothing is left to do but to finish.",
                "Done; finishing.",
            ])
            .to_owned(),
    }
}

fn lost(name: &str, voice: &mut Voice) -> String {
    match voice.between(0, 3) {
        0 => format!("`{name}` is not defined any more."),
        1 => format!("The name `{name}` is missing, although I had defined it."),
        2 => format!("My `{name}` is gone."),
        _ => format!("The interpreter does not know `{name}`."),
    }
}

fn again(state: &State, voice: &mut Voice) -> &'static str {
    match state.goal {
        Goal::Look { .. } => voice.pick(&[
            "I set everything up again, inspect the items again and go on with this batch.",
            "I define it once more, repeat the inspections (they are free the second time) and retry.",
            "So I rebuild the setup, look at the earlier items again, and continue.",
        ]),
        Goal::Choose | Goal::ChooseAndTake => voice.pick(&[
            "I rebuild the data from the items that matter and choose again.",
            "I set up again, inspect the items worth having again, and then choose.",
            "So I restore what the choice needs and compute it.",
        ]),
        Goal::Take { .. } => voice.pick(&[
            "I restore the choice and take it.",
            "I put the choice together again and take the items right away.",
            "So I define it again and take the items.",
        ]),
        Goal::Finish => "I finish.",
    }
}
