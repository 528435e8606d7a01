//! What both habits say before a block.

use super::{Goal, State};

/// One of these stands before the next block.
pub fn reasoning(state: &State) -> &'static [&'static str] {
    if state.lost {
        return RECOVERING;
    }
    match state.goal {
        Goal::Look { from: 0, .. } => &[
            "I list the items and inspect a few.",
            "First I inspect some items.",
            "I start with the first items.",
        ],
        Goal::Look { .. } => &["Now the next items.", "I inspect some more items.", "On to the next items."],
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
