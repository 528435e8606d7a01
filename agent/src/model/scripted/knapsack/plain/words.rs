//! What both habits say before a block.

use super::{Goal, State};

/// One of these stands before the next block. Those before an inspection say how far it goes: a small model can then
/// see in the sentence, and need not work out, that it was the last.
pub fn reasoning(state: &State) -> &'static [&'static str] {
    if state.lost {
        return RECOVERING;
    }
    match state.goal {
        Goal::Look { from: 0, .. } => &[
            "I list the items and inspect {from} to {to} of {all}.",
            "First I inspect items {from} to {to} of {all}.",
            "I start with items {from} to {to} of {all}.",
        ],
        Goal::Look { .. } => &[
            "Now items {from} to {to} of {all}.",
            "I inspect items {from} to {to} of {all}.",
            "On to items {from} to {to} of {all}.",
        ],
        Goal::Choose => CHOOSING,
        Goal::Take { .. } => TAKING,
        Goal::Finish => &["All done.", "I finish the task.", "Nothing is left to do."],
    }
}

/// Before the best set is sought.
pub const CHOOSING: &[&str] =
    &["Now I choose the best set.", "I have seen enough to choose.", "I look for the best allowed set."];

/// Before the best set is taken.
pub const TAKING: &[&str] = &["I take the chosen items.", "Now I take them.", "Taking what I chose."];

/// After a name was missing.
const RECOVERING: &[&str] = &[
    "That name is gone, so I define it again.",
    "The state is lost; I restore it from the outputs above.",
    "It is not defined any more, so I set it up again.",
];
