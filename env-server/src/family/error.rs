//! Why a task cannot be played.

use fields::Problems;

/// A task that cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The task file is wrong; every problem names its key.
    #[error(transparent)]
    Malformed(#[from] Problems),
}
