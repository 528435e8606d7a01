//! Episodes: a task's hidden state and an interpreter, driven step by step.
//!
//! | file          | what                                                      |
//! |---------------|-----------------------------------------------------------|
//! | `registry`    | all episodes: create, find, expire, forget                |
//! | `episode`     | one episode: who it is, its lease, one step at a time     |
//! | `play`        | what a step does: interpreter, tools, end, evaluation     |
//! | `held`        | the episodes that are held, open and closed               |
//! | `history`     | steps and answers, so that a repeated step runs once      |
//! | `bridge`      | tool calls into the task's hidden state                   |
//! | `limits`      | limits in force                                           |
//! | `state_loss`  | before which steps a persistent interpreter starts afresh |
//! | `lease`       | how long it lives untouched                               |
//! | `awake`       | whose interpreters are awake; the others sleep            |
//! | `error`       | calls that are refused                                    |
//!
//! Nothing here knows of gRPC, but for the messages that a step is made of.

mod awake;
mod bridge;
#[allow(clippy::module_inception)]
mod episode;
mod error;
mod held;
mod history;
mod lease;
mod limits;
mod play;
mod registry;
mod state_loss;

pub use episode::Episode;
pub use error::{Error, Violation};
pub use limits::Limits;
pub use play::failure_to_proto;
pub use registry::{Options, Registry};
