//! The sentences that end an episode, in the persistent and the reset policy.

use crate::teachers::random::Random;

/// How an episode went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The chosen items are taken.
    Packed,
    /// No item that was inspected can be taken.
    Empty,
    /// Choosing or taking failed.
    Failed,
}

/// The reasoning of a block that only finishes.
pub fn alone(ending: Ending, random: &mut Random) -> &'static str {
    match ending {
        Ending::Packed => packed(random),
        Ending::Empty => random.pick(&[
            "Nothing that I have seen can be taken, so I finish.",
            "There is no item to take. I end the task.",
            "The best set is the empty one; finishing.",
        ]),
        Ending::Failed => random.pick(&[
            "That did not work, and trying it again would not help. I finish.",
            "I can't repair this without making it worse, so I end the task here.",
            "This failed; what is taken is taken. I finish.",
            "I leave it at that and end the task.",
        ]),
    }
}

fn packed(random: &mut Random) -> &'static str {
    random.pick(&[
        "The items are taken, so I finish.",
        "Everything is done. I end the task.",
        "Nothing is left to do but to finish.",
        "Done; finishing.",
        "The knapsack is packed. I call finish().",
        "All chosen items are in, and nothing else would fit better. I finish.",
        "No error from taking them, so the task can end here.",
        "That was the last thing to do, so finish() comes now.",
        "The best set is packed, and there is no reason to go on.",
        "With the items taken, one call remains.",
        "The selection is complete. Ending the task.",
        "I am done, so I say so.",
        "It all went through; I end the task now.",
        "Packed as planned. Finish.",
    ])
}

/// The sentence that follows the reasoning of a block that does something and then finishes.
pub fn added(random: &mut Random) -> &'static str {
    random.pick(&[
        "The same block finishes.",
        "After that the task is done, so the block ends with finish().",
        "Then nothing is left, and I finish at once.",
        "I call finish() right after.",
        "With that I can finish, too.",
        "That ends the task.",
    ])
}
