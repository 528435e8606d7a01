//! Episodes: a task's hidden state and an interpreter, driven step by step.
//!
//! | file         | what it holds                                                    |
//! |--------------|------------------------------------------------------------------|
//! | `registry`   | all episodes: create, fork, find, expire, forget                 |
//! | `table`      | the episodes by id, open ones and closed ones                    |
//! | `server_name` | the server's name, with which ids begin                         |
//! | `residency`  | which interpreters stay in memory; the others are hibernated     |
//! | `episode`    | one episode: its definition, its lease, one step at a time       |
//! | `spec`       | what an episode is, checked when it is created; serialisable     |
//! | `limits`     | the limits of a step and of an episode                           |
//! | `lease`      | how long an episode lives untouched                              |
//! | `state_loss` | before which steps a persistent interpreter loses its state      |
//! | `makers`     | what makes interpreters and tasks                                |
//! | `opening`    | the first observation                                            |
//! | `play`       | what a step does, with the interpreter or with direct tool calls |
//! | `progress`   | what an episode has come to, readable while a step runs          |
//! | `portable`   | an episode as bytes, to go on on another server                  |
//! | `bridge`     | tool calls into the task's hidden state                          |
//! | `step`       | a step as data: action, observation, info                        |
//! | `tool_record`| a tool call that happened                                        |
//! | `timed`      | how long a step ran, without the time in which it waited         |
//! | `slot`       | an episode in memory, or only in the store                       |
//! | `store`      | what is stored of episodes, so that they outlive the server      |
//! | `stored`     | one episode's part of the store                                  |
//! | `encoding`   | how what is stored is written as bytes                           |
//! | `tombstone`  | what is remembered of a closed episode                           |
//! | `tombstones` | the closed episodes that are remembered                          |
//! | `history`    | the steps that were taken, so that a repeated step runs once     |
//! | `end`        | how an episode ended                                             |
//! | `log`        | what the log says of episodes and steps                          |
//!
//! Nothing here knows of gRPC or of messages; `crate::wire` converts between them and these types.

pub(crate) mod bridge;
mod encoding;
pub(crate) mod end;
#[allow(clippy::module_inception)]
pub(crate) mod episode;
pub(crate) mod history;
pub(crate) mod lease;
pub(crate) mod limits;
mod log;
mod makers;
pub(crate) mod opening;
pub(crate) mod play;
mod portable;
pub(crate) mod progress;
pub(crate) mod registry;
mod residency;
pub(crate) mod server_name;
mod slot;
pub(crate) mod spec;
mod state_loss;
pub(crate) mod step;
pub(crate) mod store;
mod stored;
mod table;
mod timed;
mod tombstone;
pub(crate) mod tombstones;
pub(crate) mod tool_record;

pub use limits::Limits;
pub use registry::{Options, Registry};
pub use server_name::ServerName;
pub use store::Store;
