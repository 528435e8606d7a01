//! Steps of an episode, one after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use lifecycle::telemetry::{Span, names};
use sandbox::Stop;
use tokio::sync::{OwnedMutexGuard, oneshot};
use tracing::Instrument as _;

use super::Episode;
use crate::episode::end::EndReason;
use crate::episode::log;
use crate::episode::play::{Next, Play, Ran, Stepped, lock};
use crate::episode::slot::Slot;
use crate::episode::step;
use crate::error::Error;
use crate::metrics::{Outcome, StepTally, Usage};
use crate::quota::Meter;
use crate::scheduler::Scheduler;

/// Whether a step is taken.
enum Answer {
    /// It is.
    Now(Stepped),
    /// It is once it is stored.
    Stored(oneshot::Receiver<Result<Stepped, Error>>),
}

impl Episode {
    /// The kept answer to a step that was taken before. Renews the lease.
    ///
    /// # Errors
    /// The episode could not be made again from the store.
    pub async fn repeated(self: &Arc<Self>, request: &step::Request) -> Result<Option<Stepped>, Error> {
        self.renew();
        if self.opening.get().is_none() {
            drop(self.loaded().await?);
        }
        // Other requests wait for the running step, which may be the one before them.
        let kept = self.progress().history.answer(request).map(Option::<&Arc<_>>::cloned);
        let record = match (kept, &self.stored) {
            (Ok(Some(record)), _) => record,
            // It is no longer kept in memory.
            (Err(Error::StepForgotten { index }), Some(stored)) => match stored.record(index)? {
                record if record.request.is_of(request) => Arc::new(record),
                _ => return Err(Error::StepConflict { index, next: self.progress().history.next() }),
            },
            _ => return Ok(None),
        };
        self.tally.repeat();
        Ok(Some(Stepped { record, repeated: true }))
    }

    /// Takes one step. The steps of one episode run one after the other. A step that has begun runs to its end even if its
    /// caller has gone, and its answer is kept for the caller's return; only `deadline` and [`Episode::close`] stop it. Its
    /// fuel is counted by `meter`, however it ends. Where episodes are stored, the step is taken once it is stored.
    ///
    /// # Errors
    /// See [`Play::step`]; or the step could not be stored, and is not taken.
    pub async fn step(
        self: &Arc<Self>,
        request: step::Request,
        deadline: Option<Instant>,
        meter: Arc<Meter>,
        scheduler: &Scheduler,
    ) -> Result<Stepped, Error> {
        let count = self.tally.step();
        let slot = match self.loaded().await {
            Ok(slot) => slot,
            Err(error) => {
                count.end(Outcome::of_error(&error), Usage::default());
                return Err(error);
            }
        };
        let stop = Stop::at(deadline);
        // In a box: it is large, and the futures around it are moved and kept by the hundred.
        let step =
            Box::pin(self.clone().step_now(slot, request, stop.clone(), meter, count, Span::current()));
        match scheduler.run(&self.spec.tenant, stop, step).await?? {
            Answer::Now(stepped) => Ok(stepped),
            Answer::Stored(answer) => {
                let taken = answer.await;
                kill_points::pass("step.before_answer");
                taken.unwrap_or_else(|_| Err(Error::Internal("the store has ended".to_owned())))
            }
        }
    }

    async fn step_now(
        self: Arc<Self>,
        mut slot: OwnedMutexGuard<Slot>,
        request: step::Request,
        stop: Stop,
        meter: Arc<Meter>,
        mut count: StepTally,
        sent: Span,
    ) -> Result<Answer, Error> {
        count.begin();
        let play = slot.playing()?;
        let index = request.index;
        let span = tracing::debug_span!("step", episode_id = self.id(), step_index = index);
        *lock(&self.running) = Some(stop.clone());
        if self.closing.load(Ordering::SeqCst) {
            stop.ask();
        }
        let ran = play.step(request, count.asked(), &stop).instrument(span).await;
        meter.burn(stop.fuel_used());
        let usage = Usage { fuel: stop.fuel_used(), run_time: play.ran() };
        self.count(count, index, &ran, usage, &sent);
        *lock(&self.running) = None;
        // Done here, while `slot` is locked: the caller may have gone, and the step may have taken longer than the lease.
        self.renew();
        self.note_residency(play);
        match ran {
            Ok(Ran::Repeated(record)) => Ok(Answer::Now(Stepped { record, repeated: true })),
            Ok(Ran::Next(next)) => self.accept(slot, next),
            Err(Error::Stopped) if self.closing.load(Ordering::SeqCst) => {
                Err(Error::Ended { reason: EndReason::Closed })
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a step that ran, once it is stored. Until then nothing else happens in the episode, and nobody learns of the step.
    fn accept(self: Arc<Self>, mut slot: OwnedMutexGuard<Slot>, next: Next) -> Result<Answer, Error> {
        let stepped = Stepped { record: next.record.clone(), repeated: false };
        let Some(stored) = &self.stored else {
            slot.playing()?.accept(next);
            return Ok(Answer::Now(stepped));
        };
        kill_points::pass("step.before_store");
        let (told, answer) = oneshot::channel();
        let (record, snapshot) = (next.record.clone(), slot.playing()?.stored_snapshot());
        let episode = self.clone();
        stored.step(&record, move |written| {
            let taken = written.and_then(|()| slot.playing().map(|play| play.accept(next)));
            if taken.is_err() {
                // The interpreter is beyond what is stored, which counts.
                slot.unload();
                episode.residency.left(&episode);
            }
            drop(slot);
            // The caller may have gone.
            let _ = told.send(taken.map(|()| stepped));
        });
        // After the step: the snapshot may hold what it did.
        stored.note_snapshot(snapshot.as_ref());
        Ok(Answer::Stored(answer))
    }

    /// Counts a step that has come to its end, logs it, and tells the span about it that is sent.
    fn count(&self, count: StepTally, index: u64, ran: &Result<Ran, Error>, usage: Usage, sent: &Span) {
        let outcome = match ran {
            Ok(Ran::Repeated(_)) => return count.repeat(),
            Ok(Ran::Next(Next { record, .. })) => {
                if let Some(end) = &record.answer.end {
                    self.note_end(end.reason, index + 1);
                }
                sent.set(names::STATE_LOST, record.answer.info.state_lost);
                Outcome::of(record.answer.observation.failure.as_ref())
            }
            Err(error) => Outcome::of_error(error),
        };
        let waited = count.waited(usage.run_time);
        log::step(&self.spec, index, outcome, usage, waited);
        log::span(sent, &self.spec, outcome, usage, waited);
        count.end(outcome, usage);
    }

    /// Counts a step that is not taken.
    pub fn refuse(&self) {
        self.tally.refuse();
    }

    /// Notes that its interpreter is in memory, if it is. Must be called once the episode is in the server's table.
    pub fn added(self: &Arc<Self>) {
        if let Ok(mut slot) = self.slot.try_lock()
            && let Some(play) = slot.in_memory()
        {
            self.note_residency(play);
            self.note_snapshot(play);
        }
    }

    /// Notes whether the interpreter is in memory. Must be called after whatever may have woken or ended it.
    pub(super) fn note_residency(self: &Arc<Self>, play: &Play) {
        if play.is_awake() {
            self.residency.used(self);
        } else {
            self.residency.left(self);
        }
        self.tally.set_asleep(play.is_asleep());
    }
}
