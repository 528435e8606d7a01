//! How a journal is opened.

use std::fmt;

/// What wrote a folder. Another one's episodes cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The SHA-256 of the interpreter, in hexadecimal.
    pub interpreter: String,
}

/// What a stored change survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, however it comes. When the kernel or the power fails, the latest changes may be lost;
    /// the rest is consistent, and [`crate::Journal::state_id`] is another one then.
    Process,
    /// The end of the kernel and of the power, too, as far as the disk keeps what it says it has written.
    Sync,
}

/// Called when the disk fails or the database is damaged, with what happened. The process should end: the journal
/// writes nothing more.
pub type OnFailure = Box<dyn Fn(&str) + Send + Sync>;

/// How a journal is opened.
pub struct Options {
    /// What a stored change survives.
    pub durability: Durability,
    /// Called, on a thread of the journal, when the journal cannot go on.
    pub on_failure: OnFailure,
    /// [`crate::Journal::has_room`] is false while less than this many bytes are free.
    pub reserve: u64,
    /// The largest size of the database in bytes, without its log; `None`: as large as the disk allows.
    pub max_bytes: Option<u64>,
}

impl Options {
    /// A reserve of 64 MiB, and no largest size.
    pub fn new(durability: Durability, on_failure: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { durability, on_failure: Box::new(on_failure), reserve: 64 << 20, max_bytes: None }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("durability", &self.durability)
            .field("reserve", &self.reserve)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}
