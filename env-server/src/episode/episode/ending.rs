//! The end of an episode: it is closed, its lease runs out, or the server ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Episode;
use crate::episode::end::{Closed, EndReason};
use crate::episode::log;
use crate::episode::play::lock;
use crate::episode::slot::Slot;
use crate::episode::store::Receipt;
use crate::episode::tombstone::Tombstone;
use crate::error::Error;
use crate::scheduler::Scheduler;

/// How long an ended episode waits to be closed, if its lease is longer.
const ENDED_RETENTION: Duration = Duration::from_secs(600);

/// An episode that was closed now or before.
pub struct Closing {
    /// How it ended.
    pub closed: Closed,
    /// Tells when that is stored; `None` if nothing is.
    pub receipt: Option<Receipt>,
}

impl Episode {
    /// Ends the episode, if it has not ended, and frees its interpreter and its steps. The running step is stopped.
    ///
    /// # Errors
    /// The episode could not be made again from the store, for its evaluation.
    pub async fn close(self: &Arc<Self>, reason: EndReason, scheduler: &Scheduler) -> Result<Closing, Error> {
        self.closing.store(true, Ordering::SeqCst);
        if let Some(stop) = &*lock(&self.running) {
            stop.ask();
            scheduler.hurry();
        }
        let mut slot =
            if self.has_ended() { self.slot.clone().lock_owned().await } else { self.loaded().await? };
        self.close_now(&mut slot, reason)
    }

    /// Closes the episode; what it is played with is in memory, or it has ended.
    fn close_now(&self, slot: &mut Slot, reason: EndReason) -> Result<Closing, Error> {
        self.residency.left(self);
        let had_ended = self.has_ended();
        let closed = match slot {
            Slot::Playing(play) => play.close(reason),
            Slot::InStore(place) => {
                *place = None;
                let mut progress = self.progress();
                let end = progress.end.clone().ok_or(Error::ShuttingDown)?;
                progress.close(end)
            }
        };
        self.tally.set_asleep(false);
        if !had_ended {
            self.note_end(reason, closed.steps);
        }
        let stored = self.stored.as_ref().filter(|_| closed.newly);
        let receipt = stored.map(|stored| stored.close(&Tombstone::of(self.request_digest(), &closed)));
        Ok(Closing { closed, receipt })
    }

    fn has_ended(&self) -> bool {
        self.progress().end.is_some()
    }

    /// Counts and logs its end. `steps` are those that were taken.
    pub(super) fn note_end(&self, reason: EndReason, steps: u64) {
        self.tally.end(reason);
        log::ended(&self.spec, reason, steps, self.tally.usage());
    }

    /// Lets go of the episode because the server shuts down, after the running step and those that wait for it. If it is stored,
    /// it goes on with the next server. Otherwise it ends; its end can be read until the server is gone. Returns whether it ended
    /// so.
    pub async fn shut_down(&self) -> bool {
        let mut slot = self.slot.lock().await;
        self.residency.left(self);
        self.tally.set_asleep(false);
        let had_ended = self.has_ended();
        if self.stored.is_some() {
            slot.unload();
            return false;
        }
        if let Some(play) = slot.in_memory() {
            play.finish(EndReason::Shutdown);
        }
        if !had_ended {
            self.note_end(EndReason::Shutdown, self.progress().history.next());
        }
        !had_ended
    }

    /// Closes the episode if no step is running and its lease has run out, or it ended a while ago. Returns its end if this call
    /// closed it.
    ///
    /// # Errors
    /// The episode could not be made again from the store, for its evaluation.
    pub fn close_if_expired(&self, now: Instant) -> Result<Option<Closed>, Error> {
        let Ok(mut slot) = self.slot.try_lock() else { return Ok(None) };
        let lease = *self.lease();
        let ended = self.has_ended();
        let expired = lease.expired(now) || (ended && lease.untouched(now) > ENDED_RETENTION);
        if !expired || self.is_closed() {
            return Ok(None);
        }
        if !ended {
            self.load(&mut slot)?;
        }
        self.close_now(&mut slot, EndReason::LeaseExpired).map(|closing| Some(closing.closed))
    }

    /// Closes the episode if it has ended. Returns its end if this call closed it.
    pub fn close_if_ended(&self) -> Option<Closed> {
        let mut slot = self.slot.try_lock().ok()?;
        if !self.has_ended() || self.is_closed() {
            return None;
        }
        self.close_now(&mut slot, EndReason::Closed).ok().map(|closing| closing.closed)
    }
}
