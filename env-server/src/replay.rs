//! Replay: recorded episodes are played again, and everything that their traces hold of them is compared.
//!
//! | file         | what it holds                                                        |
//! |--------------|----------------------------------------------------------------------|
//! | `source`     | finding traces in files, folders and archives                        |
//! | `recording`  | a trace, checked: the episode's definition, its steps, its result    |
//! | `tasks`      | which task of the task sets a trace is of                            |
//! | `replayer`   | one recording is played again, step by step                          |
//! | `difference` | the first field that differs, and both texts of it as a unified diff |
//! | `error`      | why a trace can't be replayed                                        |
//!
//! A replay needs the task, which a trace does not hold: much of it is hidden from whoever writes traces.

mod difference;
mod error;
mod recording;
mod replayer;
mod source;
mod tasks;

pub use difference::Difference;
pub use error::Error;
pub use recording::Recording;
pub use replayer::{Replayed, Replayer};
pub use source::Source;
