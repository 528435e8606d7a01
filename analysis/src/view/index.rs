//! The rows of all traces. They are read on several threads, and can be seen while they are.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde::Serialize;

use super::found::FoundTrace;
use super::row::Row;

/// Most rows in one part.
const PART: usize = 5_000;

/// The rows so far.
#[derive(Debug, Default)]
pub struct Index {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// In the order in which they were read.
    rows: Vec<Row>,
    problems: Vec<String>,
}

/// Some rows of the index.
#[derive(Debug, Serialize)]
pub struct Part {
    /// The rows from the place on that was asked for.
    pub rows: Vec<Row>,
    /// Traces that could not be read, and why.
    pub problems: Vec<String>,
    /// Rows and problems so far.
    pub read: usize,
}

impl Index {
    /// Reads all traces.
    pub fn read(&self, traces: &[FoundTrace]) {
        traces.par_iter().for_each(|found| {
            let row = Row::read(found);
            let mut inner = self.lock();
            match row {
                Ok(row) => inner.rows.push(row),
                Err(error) => inner.problems.push(format!("{}: {error:#}", found.id)),
            }
        });
    }

    /// The rows from a place on.
    pub fn part(&self, from: usize) -> Part {
        let inner = self.lock();
        let rows = inner.rows.iter().skip(from).take(PART).cloned().collect();
        Part { rows, problems: inner.problems.clone(), read: inner.rows.len() + inner.problems.len() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
