//! What sessions share: the address at which they find the server, what its answers must be, and what is counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{OnceCell, watch};

use crate::known::Known;
use crate::tally::Tally;

/// How often each script is played on the disturbed server.
pub const USES: u64 = 4;

/// The answers to the calls of a script, without what may differ.
pub type Expected = Arc<Vec<String>>;

/// How often a script was played, and what it should answer, once that is known.
type Shared = (u64, Arc<OnceCell<Expected>>);

/// What sessions share.
pub struct World {
    /// All draws follow from it.
    pub seed: u64,
    /// Where the undisturbed server is.
    pub undisturbed: String,
    /// Where sessions find the disturbed server: a proxy, which stays.
    pub disturbed: String,
    /// What is counted.
    pub tally: Tally,
    /// Counts the starts of the server, while it serves; 0 while it does not.
    pub serving: watch::Sender<u64>,
    /// Sessions end after their episodes.
    pub ending: AtomicBool,
    /// Of so many calls one is dropped before its answer; 0: none is.
    pub dropped: AtomicU64,
    /// What the sessions know of their episodes.
    pub sessions: Mutex<HashMap<u64, Arc<Mutex<Vec<Known>>>>>,
    next: AtomicU64,
    expected: Mutex<HashMap<u64, Shared>>,
}

impl World {
    /// One in which no server serves yet.
    pub fn new(seed: u64, undisturbed: String, disturbed: String) -> Self {
        Self {
            seed,
            undisturbed,
            disturbed,
            tally: Tally::default(),
            serving: watch::Sender::new(0),
            ending: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            sessions: Mutex::default(),
            next: AtomicU64::new(0),
            expected: Mutex::default(),
        }
    }

    /// The number of the next play, and that of its script.
    pub fn next(&self) -> (u64, u64) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number, number / USES)
    }

    /// Where the answers of a script are kept until it has been played often enough.
    pub fn expected(&self, script: u64) -> Arc<OnceCell<Expected>> {
        let mut expected = self.expected.lock().expect("no thread panics with it");
        let (uses, cell) = expected.entry(script).or_default();
        *uses += 1;
        let (is_last, cell) = (*uses == USES, cell.clone());
        if is_last {
            expected.remove(&script);
        }
        cell
    }

    /// Whether sessions should end.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// What all sessions know of their open episodes now.
    pub fn open_episodes(&self) -> Vec<Known> {
        let sessions = self.sessions.lock().expect("no thread panics with it");
        let known = |session: &Arc<Mutex<Vec<Known>>>| {
            let episodes = session.lock().expect("no thread panics with it");
            episodes.iter().filter(|episode| episode.is_open).cloned().collect::<Vec<_>>()
        };
        sessions.values().flat_map(known).collect()
    }
}
