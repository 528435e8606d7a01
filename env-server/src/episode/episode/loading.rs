//! An episode that is only in the store is made again when it is used.

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::Episode;
use crate::blocking::blocking;
use crate::episode::opening::Opening;
use crate::episode::play::{Past, Play};
use crate::episode::slot::Slot;
use crate::error::Error;
use crate::metrics::Usage;

impl Episode {
    /// What an agent knows before the first step.
    ///
    /// # Errors
    /// The episode could not be made again from the store.
    pub async fn opening(self: &Arc<Self>) -> Result<Arc<Opening>, Error> {
        if self.opening.get().is_none() {
            drop(self.loaded().await?);
        }
        self.opening.get().cloned().ok_or(Error::ShuttingDown)
    }

    /// What it is played with, in memory, once the running step has ended.
    ///
    /// # Errors
    /// It could not be made again from the store.
    pub async fn loaded(self: &Arc<Self>) -> Result<OwnedMutexGuard<Slot>, Error> {
        let mut slot = self.slot.clone().lock_owned().await;
        if matches!(*slot, Slot::Playing(_)) {
            return Ok(slot);
        }
        let episode = self.clone();
        // It reads the disk.
        blocking(move || episode.load(&mut slot).map(|()| slot)).await
    }

    /// All that it has done. Nothing may happen in it meanwhile.
    ///
    /// # Errors
    /// Its first steps are no longer kept, or the store can't be read.
    pub fn past(&self) -> Result<Past, Error> {
        let next = self.progress().history.next();
        self.past_before(next)
    }

    /// What it has done before the step with this index.
    pub(super) fn past_before(&self, index: u64) -> Result<Past, Error> {
        match &self.stored {
            Some(stored) => stored.past(index),
            None => Ok(Past { records: self.progress().history.first(index)?, snapshot: None }),
        }
    }

    /// Makes it again from the store, unless it is in memory.
    ///
    /// # Errors
    /// What is stored can't be read or does not lead to the same state; the server's memory is used up.
    pub(super) fn load(&self, slot: &mut Slot) -> Result<(), Error> {
        let (Slot::InStore(place), Some(stored)) = (&mut *slot, &self.stored) else { return Ok(()) };
        if self.progress().closed {
            return Ok(());
        }
        let task = stored.task()?;
        let environment =
            self.makers.hosts.open(&task).map_err(|error| Error::Internal(error.to_string()))?;
        let past = self.past()?;
        let usage = past.records.iter().fold(Usage::default(), |usage, record| Usage {
            fuel: usage.fuel + record.answer.info.fuel_used,
            run_time: usage.run_time + record.answer.info.run_time,
        });
        let (sandbox, progress) = (self.makers.sandbox.clone(), self.progress.clone());
        let (opening, mut play) = Play::with_past(sandbox, &self.spec, environment, past, progress)?;
        play.set_place(place.take());
        self.tally.resume(usage);
        self.tally.set_asleep(play.is_asleep());
        let _ = self.opening.set(Arc::new(opening));
        *slot = Slot::Playing(Box::new(play));
        Ok(())
    }
}
