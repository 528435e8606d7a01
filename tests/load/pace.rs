//! When steps are sent: as fast as answers come, or at a fixed rate.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::player::{Failures, Player};
use crate::tally::{Tally, Window};

/// The pause of a session after a failed call.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// When steps are due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// A closed loop: the next step of a session is due when the one before is answered.
    Closed,
    /// An open loop: this many steps a second are due, of the sessions in turn, whether earlier ones are answered or not. A
    /// step that has to wait for its session is late, and its latency counts from when it was due.
    Open(f64),
}

/// A tally that players share.
pub type SharedTally = Arc<Mutex<Tally>>;

/// The tally, to read or to count.
pub fn lock(tally: &SharedTally) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets players play from now to the end of the window, and returns them when every step is answered.
pub async fn play<P: Player>(players: Vec<P>, pace: Pace, window: Window, tally: &SharedTally) -> Vec<P> {
    let mut playing = JoinSet::new();
    match pace {
        Pace::Closed => {
            for player in players {
                playing.spawn(closed(player, window.end, tally.clone()));
            }
        }
        Pace::Open(steps_per_s) => {
            let steps: usize = players.iter().map(Player::sessions).sum();
            let between = Duration::from_secs_f64(steps as f64 / players.len() as f64 / steps_per_s);
            let mut queues = Vec::new();
            for player in players {
                let (queue, due) = mpsc::unbounded_channel();
                queues.push(queue);
                playing.spawn(open(player, due, tally.clone()));
            }
            // A thread of its own: it wakes within some 0.1 ms, the runtime's timer within 1 ms.
            thread::spawn(move || arrive(&queues, between, window.end));
        }
    }
    playing.join_all().await
}

async fn closed<P: Player>(mut player: P, end: Instant, tally: SharedTally) -> P {
    let mut due = Instant::now();
    while due < end {
        step(&mut player, due, &tally).await;
        due = Instant::now();
    }
    player
}

async fn open<P: Player>(mut player: P, mut due: mpsc::UnboundedReceiver<Instant>, tally: SharedTally) -> P {
    while let Some(due) = due.recv().await {
        step(&mut player, due, &tally).await;
    }
    player
}

async fn step<P: Player>(player: &mut P, due: Instant, tally: &SharedTally) {
    let failures: Failures = player.step().await;
    let has_failed = !failures.is_empty();
    lock(tally).record(due, player.sessions(), failures);
    if has_failed {
        sleep(AFTER_FAILURE).await;
    }
}

/// Tells one queue after the other that a call is due, at fixed intervals, until `end`.
fn arrive(queues: &[mpsc::UnboundedSender<Instant>], between: Duration, end: Instant) {
    let mut due = Instant::now();
    for queue in queues.iter().cycle() {
        due += between;
        if due >= end {
            return;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if queue.send(due).is_err() {
            return;
        }
    }
}
