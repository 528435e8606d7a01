//! Keeps what episodes did in a folder, so that it survives the end of the process, and, if asked for, of the machine.
//!
//! A change is given to [`Journal::write`], and its callback is called once the change is stored. The bodies of
//! steps, specifications and ends are bytes: the journal knows nothing of tasks, gRPC or Python.
//!
//! | module       | what it holds                                                   |
//! |--------------|-----------------------------------------------------------------|
//! | `change`     | what can be written                                             |
//! | `checkpoint` | the log is copied into the database, beside the writer          |
//! | `checksum`   | the checksum of a row                                           |
//! | `database`   | the schema, and connections                                     |
//! | `error`      | why a folder is refused, a write fails, or a read does          |
//! | `folder`     | the files of a state folder: its lock, its format, its last run |
//! | `journal`    | opening, and the methods of an open journal                     |
//! | `load`       | what is open when a folder is opened                            |
//! | `options`    | how a journal is opened                                         |
//! | `queue`      | changes that wait for the writer                                |
//! | `read`       | reads, on connections of their own                              |
//! | `room`       | whether the disk has room                                       |
//! | `rows`       | the rows of the tables                                          |
//! | `shared`     | what the threads share; a failure ends the journal              |
//! | `stats`      | what is counted                                                 |
//! | `tail`       | how long the log is, so that damage at its end is noticed       |
//! | `verify`     | a damaged database, or log, is noticed                          |
//! | `writer`     | the one thread that writes: batches, and what each change does  |
//!
//! # Steps that forks share
//!
//! Steps belong to *lines*. Each episode has a line of its own, which has the episode's key as its number. A fork at
//! step `n` uses its source's steps before `n`, whichever lines they are in, and its own line from `n` on. The table
//! `uses` says which steps of which lines are an episode's past. A step is deleted when no open episode uses it.
//!
//! # Damage
//!
//! Every row has a checksum, and every read verifies it. When a folder is opened, the log, the structure of the
//! database and all rows are verified; a database of more than 256 MiB is verified beside the work.
//! Damage is an error that says where it is; it is never repaired by guessing.

mod change;
mod checkpoint;
mod checksum;
mod database;
mod error;
mod folder;
mod journal;
mod load;
mod options;
mod queue;
mod read;
mod room;
mod rows;
mod shared;
mod stats;
mod tail;
mod verify;
mod writer;

pub use change::{Change, Fork, Written};
pub use error::{OpenError, ReadError, WriteError};
pub use journal::{Journal, Opened};
pub use load::OpenEpisode;
pub use options::{Durability, Identity, Options};
pub use stats::{COMMIT_BOUNDS, Stats};
