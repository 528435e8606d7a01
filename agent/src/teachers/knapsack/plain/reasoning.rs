//! The sentence before a block, in both terse policies.

use super::state::{Goal, State};

/// Sentences for the next block. Those before an inspection say how far it goes: a small model can then read
/// in the sentence that it was the last one, and need not compute it.
pub fn options(state: &State) -> &'static [&'static str] {
    if state.lost {
        return RECOVERING;
    }
    match state.goal {
        Goal::Inspect { from: 0, .. } => &[
            "I list the items and inspect {from} to {to} of {all}.",
            "First I inspect items {from} to {to} of {all}.",
            "I start with items {from} to {to} of {all}.",
        ],
        Goal::Inspect { .. } => &[
            "Now items {from} to {to} of {all}.",
            "I inspect items {from} to {to} of {all}.",
            "On to items {from} to {to} of {all}.",
        ],
        Goal::Choose => CHOOSING,
        Goal::Take { .. } => TAKING,
        Goal::Finish => &["All done.", "I finish the task.", "Nothing is left to do."],
    }
}

/// Before the best set is computed.
pub const CHOOSING: &[&str] =
    &["Now I choose the best set.", "I have seen enough to choose.", "I look for the best allowed set."];

/// Before the best set is taken.
pub const TAKING: &[&str] = &["I take the chosen items.", "Now I take them.", "Taking what I chose."];

/// After a name was undefined.
const RECOVERING: &[&str] = &[
    "That name is gone, so I define it again.",
    "The state is lost; I restore it from the outputs above.",
    "It is not defined any more, so I set it up again.",
];
