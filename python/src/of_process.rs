//! A value of the process that made it.

use std::process;

/// A value that only the process that made it uses and drops. One that was forked from it has none of its threads: what wakes them
/// may wait for them for ever.
pub struct OfProcess<T> {
    process: u32,
    /// Always there.
    value: Option<T>,
}

impl<T> OfProcess<T> {
    /// A value of this process.
    pub fn new(value: T) -> Self {
        Self { process: process::id(), value: Some(value) }
    }

    /// The value, in the process that made it.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.process == process::id())
    }
}

impl<T> Drop for OfProcess<T> {
    fn drop(&mut self) {
        if self.process != process::id() {
            std::mem::forget(self.value.take());
        }
    }
}
