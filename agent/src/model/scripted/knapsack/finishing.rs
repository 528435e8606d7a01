//! What both habits say when they finish.

use crate::model::scripted::voice::Voice;

/// How an episode went, before it is finished.
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
pub fn alone(ending: Ending, voice: &mut Voice) -> &'static str {
    match ending {
        Ending::Packed => packed(voice),
        Ending::Empty => voice.pick(&[
            "Nothing that I have seen can be taken, so I finish.",
            "There is no item to take. I end the task.",
            "The best set is the empty one; finishing.",
        ]),
        Ending::Failed => voice.pick(&[
            "That did not work, and trying it again would not help. I finish.",
            "I can't repair this without making it worse, so I end the task here.",
            "This failed; what is taken is taken. I finish.",
            "I leave it at that and end the task.",
        ]),
    }
}

fn packed(voice: &mut Voice) -> &'static str {
    voice.pick(&[
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

/// What follows the reasoning of a block that also finishes.
pub fn as_well(voice: &mut Voice) -> &'static str {
    voice.pick(&[
        "The same block finishes.",
        "After that the task is done, so the block ends with finish().",
        "Then nothing is left, and I finish at once.",
        "I call finish() right after.",
        "With that I can finish, too.",
        "That ends the task.",
    ])
}
