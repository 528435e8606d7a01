//! What an episode is played with: in memory, or only in the store until it is needed.

use super::play::Play;
use crate::error::Error;
use crate::quota::Place;

/// What an episode is played with.
pub enum Slot {
    /// It is in memory.
    Playing(Box<Play>),
    /// It is in the store, and is made again from there. The place that it occupies, if it has not ended.
    InStore(Option<Place>),
}

impl Slot {
    /// What is in memory.
    ///
    /// # Errors
    /// It is not in memory: the server is shutting down, or the episode is closed.
    pub fn playing(&mut self) -> Result<&mut Play, Error> {
        match self {
            Self::Playing(play) => Ok(play),
            Self::InStore(_) => Err(Error::ShuttingDown),
        }
    }

    /// What is in memory, if it is.
    pub fn in_memory(&mut self) -> Option<&mut Play> {
        match self {
            Self::Playing(play) => Some(play),
            Self::InStore(_) => None,
        }
    }

    /// Drops what is in memory: what is in the store counts.
    pub fn unload(&mut self) {
        if let Self::Playing(play) = self {
            *self = Self::InStore(play.take_place());
        }
    }
}
