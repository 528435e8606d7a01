//! The reasoning of the reset habit.

use super::{Goal, State};
use crate::model::scripted::{knapsack::Puzzle, voice::Voice};

/// A sentence or two before the block.
pub fn reasoning(puzzle: &Puzzle, state: &State, voice: &mut Voice) -> String {
    if state.failures > 0 && state.goal != Goal::Finish {
        return voice
            .pick(&["That did not work; I try it again.", "The block failed, so I run it once more."])
            .to_owned();
    }
    match state.goal {
        Goal::Look { from: 0, to } => {
            let first = voice.pick(&[
                "I list the items and print what I see, to have it for later blocks.",
                "First I look at the ids and print each inspected item as a row that I can copy.",
                "To begin, I inspect a first batch and print every row in full.",
            ]);
            let then =
                voice.pick(&["This block takes the first", "I start with the first", "Here are the first"]);
            format!("{first} {then} {to} items.")
        }
        Goal::Look { from, to } => {
            if to == puzzle.to_inspect() {
                return match voice.between(0, 1) {
                    0 => format!("The last batch, with the {from} rows seen so far written out before it."),
                    _ => format!("{from} rows are known and copied in; the last ones are inspected now."),
                };
            }
            match voice.between(0, 3) {
                0 => format!("I carry the {from} rows seen so far and inspect the slice {from} to {to}."),
                1 => format!("With the rows from the outputs above copied in, I look at {} more.", to - from),
                2 => format!("Next batch: {from} to {to}. The block holds all it needs, the known rows too."),
                _ => {
                    format!("{from} rows are known; I write them down again and add the next {}.", to - from)
                }
            }
        }
        Goal::Choose | Goal::ChooseAndTake => {
            let text = voice.pick(&[
                "I copy the allowed rows from the outputs and compute the best set within the capacity.",
                "All rows are known. With the allowed ones written out, I solve the knapsack exactly.",
                "Now the choice: the allowed rows as a literal, then dynamic programming.",
            ]);
            if state.goal == Goal::ChooseAndTake {
                format!("{text} Then I take it.")
            } else {
                text.to_owned()
            }
        }
        Goal::Take { .. } => voice
            .pick(&[
                "I copy the chosen ids from the output and take them.",
                "These are the best items; I write their ids out and take each.",
                "Now I take the ids that the last block printed.",
            ])
            .to_owned(),
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
