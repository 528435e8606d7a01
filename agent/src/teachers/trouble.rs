//! What went wrong in the last blocks of an episode.

use super::conversation::Observation;
use super::random::Random;

/// After this many failures in a row, undefined names apart, a policy gives up.
const MAX_FAILURES: usize = 3;

/// What went wrong in the last blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The undefined name that stopped the last block.
    pub missing: Option<String>,
    /// Consecutive failures of other kinds.
    pub failures: usize,
}

impl Trouble {
    /// Takes in the result of a block; says whether the block succeeded.
    pub fn observe(&mut self, observation: &Observation) -> bool {
        if let Some(name) = observation.missing_name() {
            self.missing = Some(name.to_owned());
            return false;
        }
        if observation.error.is_some() {
            self.failures += 1;
            return false;
        }
        *self = Self::default();
        true
    }

    /// Whether trying again is pointless.
    pub fn gives_up(&self) -> bool {
        self.failures >= MAX_FAILURES
    }
}

/// A sentence about a name that is undefined.
pub fn lost(name: &str, random: &mut Random) -> String {
    random.phrase(
        &[
            "`{name}` is not defined any more.",
            "The name `{name}` is missing, although I had defined it.",
            "My `{name}` is gone.",
            "The interpreter does not know `{name}`.",
            "A NameError: `{name}` did not survive.",
            "`{name}` should have been there from an earlier block, but it is not.",
            "I relied on `{name}`, and it does not exist.",
            "Strange, `{name}` was defined before and now is not.",
            "So `{name}` is lost.",
            "It stopped at `{name}`: not defined.",
            "Without `{name}` this block can't run.",
            "`{name}` has vanished.",
        ],
        &[("name", &name)],
    )
}
