//! What is counted.

use std::ops::{Add, Sub};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most differences that are told.
const MOST_TOLD: usize = 25;

/// What is counted, by all sessions together.
#[derive(Default)]
pub struct Tally {
    episodes: AtomicU64,
    answers: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
    refused: AtomicU64,
    told: Mutex<Vec<String>>,
}

/// Numbers at one moment, or between two.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Open episodes that were looked after once a server had started again, or a disturbance had ended.
    pub episodes: u64,
    /// Answers that were compared.
    pub answers: u64,
    /// Bytes in which they differed.
    pub bytes: u64,
    /// Episodes, or answered steps, that were not there.
    pub lost: u64,
    /// Calls, or starts, that were refused where that is allowed.
    pub refused: u64,
}

impl Tally {
    /// Counts an episode that was looked after.
    pub fn episode(&self) {
        self.episodes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a refusal that is allowed.
    pub fn refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a comparison, and says whether both are the same. `what` is told otherwise.
    pub fn compare(&self, expected: &[u8], found: &[u8], what: impl FnOnce() -> String) -> bool {
        self.answers.fetch_add(1, Ordering::Relaxed);
        if expected == found {
            return true;
        }
        let longer = expected.len().max(found.len());
        let same = expected.iter().zip(found).filter(|(expected, found)| expected == found).count();
        self.bytes.fetch_add((longer - same) as u64, Ordering::Relaxed);
        self.tell(what());
        false
    }

    /// Counts something that is not there.
    pub fn lose(&self, what: String) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        self.tell(what);
    }

    /// The numbers so far.
    pub fn counts(&self) -> Counts {
        let [episodes, answers, bytes, lost, refused] =
            [&self.episodes, &self.answers, &self.bytes, &self.lost, &self.refused]
                .map(|count| count.load(Ordering::Relaxed));
        Counts { episodes, answers, bytes, lost, refused }
    }

    fn tell(&self, what: String) {
        let mut told = self.told.lock().expect("no thread panics with it");
        if told.len() < MOST_TOLD {
            eprintln!("\nDIFFERENT: {what}\n");
        }
        told.push(what);
    }
}

impl Sub for Counts {
    type Output = Counts;

    fn sub(self, before: Counts) -> Counts {
        Counts {
            episodes: self.episodes - before.episodes,
            answers: self.answers - before.answers,
            bytes: self.bytes - before.bytes,
            lost: self.lost - before.lost,
            refused: self.refused - before.refused,
        }
    }
}

impl Add for Counts {
    type Output = Counts;

    fn add(self, more: Counts) -> Counts {
        Counts {
            episodes: self.episodes + more.episodes,
            answers: self.answers + more.answers,
            bytes: self.bytes + more.bytes,
            lost: self.lost + more.lost,
            refused: self.refused + more.refused,
        }
    }
}
