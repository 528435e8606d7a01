//! Copies of an episode.

use std::sync::{Arc, Mutex};

use proto::task::TaskFile;
use sandbox::Stop;
use tokio::sync::OwnedMutexGuard;

use super::Episode;
use crate::episode::play::Play;
use crate::episode::progress::Progress;
use crate::episode::slot::Slot;
use crate::episode::stored::Stored;
use crate::error::{Error, Violation};
use crate::quota::Place;
use crate::scheduler::Scheduler;

/// A copy of an episode that is to be made.
pub struct Copy {
    /// The new episode's id.
    pub id: String,
    /// The digest of the request for it.
    pub request_digest: String,
    /// The place that it occupies.
    pub place: Place,
}

/// An earlier step of an episode, before which its copies are to stand.
pub struct Earlier {
    /// The step's index.
    pub at: u64,
    /// The episode's task.
    pub task: TaskFile,
}

/// Copies that stand where their source stood.
pub struct Copies {
    /// The copies, in order.
    pub episodes: Vec<Episode>,
    /// The index that their next steps carry.
    pub at: u64,
    /// Until it is dropped, the source does not change.
    pub source: OwnedMutexGuard<Slot>,
}

impl Episode {
    /// Makes episodes that all stand where this one does, or did before an earlier step, once the running step has ended.
    ///
    /// # Errors
    /// The episode is closed, or has ended and no earlier step is named; the one that is named is beyond its next step, or steps
    /// before it are no longer kept; there is no room; the sandbox failed.
    pub async fn fork(
        self: &Arc<Self>,
        copies: Vec<Copy>,
        earlier: Option<Earlier>,
        scheduler: &Scheduler,
    ) -> Result<Copies, Error> {
        self.renew();
        let slot = self.loaded().await?;
        let fork = self.clone().fork_now(slot, copies, earlier);
        scheduler.run(&self.spec.tenant, Stop::default(), fork).await?
    }

    async fn fork_now(
        self: Arc<Self>,
        mut source: OwnedMutexGuard<Slot>,
        copies: Vec<Copy>,
        earlier: Option<Earlier>,
    ) -> Result<Copies, Error> {
        self.check_not_closed()?;
        let opening = self.opening.get().cloned().ok_or(Error::ShuttingDown)?;
        let next = self.progress().history.next();
        let (at, mut earlier) = match earlier {
            Some(earlier) if earlier.at > next => {
                let rule = format!("is {}, beyond the episode's next step, {next}", earlier.at);
                return Err(Violation::new("at_step_index", rule).into());
            }
            Some(earlier) if earlier.at < next => (earlier.at, Some(self.before(&earlier)?)),
            _ => (next, None),
        };
        let mut episodes = Vec::with_capacity(copies.len());
        let original = match &mut earlier {
            Some(play) => play,
            None => source.playing()?,
        };
        original.wake().await?;
        for Copy { id, request_digest, place } in copies {
            let play = original.fork(place)?;
            let spec = self.spec.fork(id, request_digest);
            let (opening, makers, residency) = (opening.clone(), self.makers.clone(), self.residency.clone());
            let stored = self.stored.as_ref().map(Stored::another);
            episodes.push(Self::new(spec, opening, play, makers, residency, self.tally.fork(), stored));
            tokio::task::yield_now().await;
        }
        if let Some(play) = source.in_memory() {
            // It may have been woken.
            self.note_residency(play);
            self.note_snapshot(play);
        }
        Ok(Copies { episodes, at, source })
    }

    /// Refuses what needs the steps, which a closed episode has forgotten.
    ///
    /// # Errors
    /// It is closed.
    pub fn check_not_closed(&self) -> Result<(), Error> {
        let progress = self.progress();
        match &progress.end {
            Some(end) if progress.closed => Err(Error::Ended { reason: end.reason }),
            _ => Ok(()),
        }
    }

    /// What the episode was played with before an earlier step.
    fn before(&self, Earlier { at, task }: &Earlier) -> Result<Play, Error> {
        let past = self.past_before(*at)?;
        let environment = self.makers.hosts.open(task).map_err(|error| Error::Internal(error.to_string()))?;
        let progress = Arc::new(Mutex::new(Progress::new(self.progress().history.measure())));
        let (_, play) =
            Play::with_past(self.makers.sandbox.clone(), &self.spec, environment, past, progress)?;
        Ok(play)
    }
}
