//! One episode: its definition, its lease, and one step at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use lifecycle::telemetry::{Span, names};
use proto::run::Evaluation;
use sandbox::Stop;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tracing::Instrument as _;

use super::end::EndReason;
use super::history::Page;
use super::lease::Lease;
use super::opening::Opening;
use super::play::{Closed, Play, Stepped, lock};
use super::progress::Progress;
use super::residency::{LastUse, Residency, Resident};
use super::spec::{Spec, Task};
use super::{log, step};
use crate::error::Error;
use crate::metrics::{Outcome, StepTally, Tally, Usage};
use crate::quota::{Meter, Place};
use crate::scheduler::Scheduler;

/// How long an ended episode waits to be closed, if its lease is longer.
const ENDED_RETENTION: Duration = Duration::from_secs(600);

/// An episode of a server. Everything that changes with its steps is in [`Play`].
pub struct Episode {
    spec: Arc<Spec>,
    /// Shared with the episode's forks.
    opening: Arc<Opening>,
    created_at: SystemTime,
    lease: Mutex<Lease>,
    /// Locked while a step runs.
    play: Arc<AsyncMutex<Play>>,
    /// Locked for moments only.
    progress: Arc<Mutex<Progress>>,
    /// Stops the running step, if there is one.
    running: Mutex<Option<Stop>>,
    /// Whether the episode is being closed: no step begins any more.
    closing: AtomicBool,
    residency: Arc<Residency<Episode>>,
    last_use: LastUse,
    tally: Arc<Tally>,
}

/// The answer to the request that created an episode.
pub struct Created {
    /// The episode's definition.
    pub spec: Arc<Spec>,
    /// The first observation.
    pub opening: Arc<Opening>,
    /// The lease.
    pub lease: Lease,
}

/// A copy of an episode that is to be made.
pub struct Copy {
    /// The new episode's id.
    pub id: String,
    /// The digest of the request for it.
    pub request_digest: String,
    /// The place that it occupies.
    pub place: Place,
}

/// Where an episode stands, in short.
pub struct Summary {
    /// The episode's definition.
    pub spec: Arc<Spec>,
    /// When it was created.
    pub created_at: SystemTime,
    /// The lease.
    pub lease: Lease,
    /// The index that the next step must carry.
    pub next_step_index: u64,
    /// Why it ended, if it has.
    pub end_reason: Option<EndReason>,
    /// What its steps have taken.
    pub usage: Usage,
}

/// Which steps a description holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// None.
    None,
    /// A page that begins with the step of this index, or the first one that is kept.
    From(Option<u64>),
}

/// Where an episode stands.
pub struct Description {
    /// In short.
    pub summary: Summary,
    /// The first observation.
    pub opening: Arc<Opening>,
    /// The steps that are kept, one page of them, if they were asked for.
    pub steps: Page,
    /// How well the task was solved, once the episode has ended.
    pub evaluation: Option<Evaluation>,
}

impl Episode {
    /// An episode that begins where `play` stands.
    pub fn new(
        spec: Spec,
        opening: Arc<Opening>,
        play: Play,
        residency: Arc<Residency<Episode>>,
        tally: Tally,
    ) -> Self {
        Self {
            lease: Mutex::new(Lease::new(spec.lease)),
            spec: Arc::new(spec),
            opening,
            created_at: SystemTime::now(),
            progress: play.progress(),
            running: Mutex::default(),
            closing: AtomicBool::new(false),
            play: Arc::new(AsyncMutex::new(play)),
            residency,
            last_use: LastUse::default(),
            tally: Arc::new(tally),
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.spec.episode_id
    }

    /// Where its task comes from.
    pub fn task(&self) -> &Task {
        &self.spec.task
    }

    /// Who owns it.
    pub fn tenant(&self) -> &str {
        &self.spec.tenant
    }

    /// The digest of the request that created it.
    pub fn request_digest(&self) -> &str {
        &self.spec.request_digest
    }

    /// Whether the request with this digest created it.
    pub fn was_created_by(&self, request_digest: &str) -> bool {
        self.spec.request_digest == request_digest
    }

    /// The answer to the request that created it. Renews the lease.
    pub fn created(&self) -> Created {
        self.renew();
        Created { spec: self.spec.clone(), opening: self.opening.clone(), lease: *self.lease() }
    }

    /// The stored answer to a step that was taken before. Renews the lease.
    pub fn stored(&self, request: &step::Request) -> Option<Stepped> {
        self.renew();
        // Other requests wait for the running step, which may be the one before them.
        let record = self.progress().history.answer(request).ok()??.clone();
        self.tally.repeat();
        Some(Stepped { record, repeated: true })
    }

    /// Takes one step. The steps of one episode run one after the other. A step that has begun runs to its end even if its
    /// caller has gone, and its answer is kept for the caller's return; only `deadline` and [`Episode::close`] stop it. Its
    /// fuel is counted by `meter`, however it ends.
    ///
    /// # Errors
    /// See [`Play::step`].
    pub async fn step(
        self: &Arc<Self>,
        request: step::Request,
        deadline: Option<Instant>,
        meter: Arc<Meter>,
        scheduler: &Scheduler,
    ) -> Result<Stepped, Error> {
        let count = self.tally.step();
        let play = self.play.clone().lock_owned().await;
        let stop = Stop::at(deadline);
        // In a box: it is large, and the futures around it are moved and kept by the hundred.
        let step =
            Box::pin(self.clone().step_now(play, request, stop.clone(), meter, count, Span::current()));
        scheduler.run(&self.spec.tenant, stop, step).await?
    }

    async fn step_now(
        self: Arc<Self>,
        mut play: OwnedMutexGuard<Play>,
        request: step::Request,
        stop: Stop,
        meter: Arc<Meter>,
        mut count: StepTally,
        sent: Span,
    ) -> Result<Stepped, Error> {
        count.begin();
        let index = request.index;
        let span = tracing::debug_span!("step", episode_id = self.id(), step_index = index);
        *lock(&self.running) = Some(stop.clone());
        if self.closing.load(Ordering::SeqCst) {
            stop.ask();
        }
        let answer = play.step(request, count.asked(), &stop).instrument(span).await;
        meter.burn(stop.fuel_used());
        let usage = Usage { fuel: stop.fuel_used(), run_time: play.ran() };
        self.count(count, index, &answer, usage, &sent);
        *lock(&self.running) = None;
        // Done here, while `play` is locked: the caller may have gone, and the step may have taken longer than the lease.
        self.renew();
        self.note_residency(&play);
        match answer {
            Err(Error::Stopped) if self.closing.load(Ordering::SeqCst) => {
                Err(Error::Ended { reason: EndReason::Closed })
            }
            answer => answer,
        }
    }

    /// Counts a step that has come to its end, logs it, and tells the span about it that is sent.
    fn count(
        &self,
        count: StepTally,
        index: u64,
        answer: &Result<Stepped, Error>,
        usage: Usage,
        sent: &Span,
    ) {
        let outcome = match answer {
            Ok(Stepped { repeated: true, .. }) => return count.repeat(),
            Ok(Stepped { record, .. }) => {
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

    /// Logs that it was created.
    pub fn note_created(&self) {
        log::created(&self.spec);
    }

    /// Counts and logs its end. `steps` are those that were taken.
    fn note_end(&self, reason: EndReason, steps: u64) {
        self.tally.end(reason);
        log::ended(&self.spec, reason, steps, self.tally.usage());
    }

    /// Counts a step that is not taken.
    pub fn refuse(&self) {
        self.tally.refuse();
    }

    /// Makes episodes that all stand where this one does, once the running step has ended.
    ///
    /// # Errors
    /// See [`Play::fork`].
    pub async fn fork(
        self: &Arc<Self>,
        copies: Vec<Copy>,
        scheduler: &Scheduler,
    ) -> Result<Vec<Episode>, Error> {
        self.renew();
        let mut play = self.play.clone().lock_owned().await;
        let episode = self.clone();
        let fork = async move {
            let mut forks = Vec::new();
            for Copy { id, request_digest, place } in copies {
                let fork = play.fork(place);
                // Forking may have woken the interpreter.
                episode.note_residency(&play);
                let spec = episode.spec.fork(id, request_digest);
                let (opening, residency) = (episode.opening.clone(), episode.residency.clone());
                forks.push(Self::new(spec, opening, fork?, residency, episode.tally.fork()));
                tokio::task::yield_now().await;
            }
            Ok(forks)
        };
        scheduler.run(&self.spec.tenant, Stop::default(), fork).await?
    }

    /// Notes that its interpreter is in memory, if it is. Must be called once the episode is in the server's table.
    pub fn added(self: &Arc<Self>) {
        if let Ok(play) = self.play.try_lock() {
            self.note_residency(&play);
        }
    }

    /// Notes whether the interpreter is in memory. Must be called after whatever may have woken or ended it.
    fn note_residency(self: &Arc<Self>, play: &Play) {
        if play.is_awake() {
            self.residency.used(self);
        } else {
            self.residency.left(self);
        }
        self.tally.set_asleep(play.is_asleep());
    }

    /// Ends the episode, if it has not ended, and frees its interpreter and its steps. The running step is stopped.
    pub async fn close(&self, reason: EndReason, scheduler: &Scheduler) -> Closed {
        self.closing.store(true, Ordering::SeqCst);
        if let Some(stop) = &*lock(&self.running) {
            stop.ask();
            scheduler.hurry();
        }
        self.close_now(&mut *self.play.lock().await, reason)
    }

    fn close_now(&self, play: &mut Play, reason: EndReason) -> Closed {
        self.residency.left(self);
        let had_ended = self.progress().end.is_some();
        let closed = play.close(reason);
        self.tally.set_asleep(false);
        if !had_ended {
            self.note_end(reason, closed.steps);
        }
        closed
    }

    /// Ends the episode because the server shuts down: after the running step, and those that wait for it. Its end can be
    /// read until the server is gone. Returns whether it had not ended before.
    pub async fn shut_down(&self) -> bool {
        let mut play = self.play.lock().await;
        self.residency.left(self);
        let had_ended = self.progress().end.is_some();
        play.finish(EndReason::Shutdown);
        self.tally.set_asleep(false);
        if !had_ended {
            self.note_end(EndReason::Shutdown, self.progress().history.next());
        }
        !had_ended
    }

    /// Closes the episode if no step is running and its lease has run out, or it ended a while ago. Returns whether
    /// this call closed it.
    pub fn close_if_expired(&self, now: Instant) -> bool {
        let Ok(mut play) = self.play.try_lock() else { return false };
        let lease = *self.lease();
        let ended = self.progress().end.is_some();
        let expired = lease.expired(now) || (ended && lease.untouched(now) > ENDED_RETENTION);
        expired && self.close_now(&mut play, EndReason::LeaseExpired).newly
    }

    /// Closes the episode if it has ended. Returns whether this call closed it.
    pub fn close_if_ended(&self) -> bool {
        let Ok(mut play) = self.play.try_lock() else { return false };
        let ended = self.progress().end.is_some();
        ended && self.close_now(&mut play, EndReason::Closed).newly
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.progress().closed
    }

    /// Where the episode stands, in short.
    pub fn summary(&self) -> Summary {
        self.summary_of(&self.progress())
    }

    fn summary_of(&self, progress: &Progress) -> Summary {
        Summary {
            spec: self.spec.clone(),
            created_at: self.created_at,
            lease: *self.lease(),
            next_step_index: progress.history.next(),
            end_reason: progress.end.as_ref().map(|end| end.reason),
            usage: self.tally.usage(),
        }
    }

    /// Where the episode stands. Renews the lease.
    ///
    /// # Errors
    /// The page of steps that was asked for is no longer kept.
    pub fn describe(&self, steps: Steps) -> Result<Description, Error> {
        self.renew();
        let progress = self.progress();
        let steps = match steps {
            Steps::None => Page::default(),
            Steps::From(index) => progress.history.page(index)?,
        };
        Ok(Description {
            summary: self.summary_of(&progress),
            opening: self.opening.clone(),
            steps,
            evaluation: progress.end.as_ref().map(|end| end.evaluation.clone()),
        })
    }

    /// Renews the lease, and returns it; `None` if the episode is closed.
    pub fn keep_alive(&self) -> Option<Lease> {
        if self.progress().closed {
            return None;
        }
        self.renew();
        Some(*self.lease())
    }

    /// When it was created, and its id: the order of a listing.
    pub fn age(&self) -> (SystemTime, &str) {
        (self.created_at, self.id())
    }

    fn renew(&self) {
        self.lease().renew();
    }

    fn lease(&self) -> MutexGuard<'_, Lease> {
        lock(&self.lease)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        lock(&self.progress)
    }
}

impl Resident for Episode {
    fn last_use(&self) -> &LastUse {
        &self.last_use
    }

    fn hibernate(&self) -> bool {
        let Ok(mut play) = self.play.try_lock() else { return false };
        play.hibernate();
        if play.is_asleep() {
            self.tally.hibernate();
        }
        true
    }
}
