//! The experiment file: a whole study in one YAML file, parsed once into typed values.
//!
//! | module       | what it holds                                                      |
//! |--------------|--------------------------------------------------------------------|
//! | `whole`      | [`Experiment`]: all keys of the file                               |
//! | `sources`    | what is learnt from: [`Tasks`], [`Traces`], [`Drills`]             |
//! | `model`      | [`Model`]: what training starts from                               |
//! | `sizes`      | [`Sizes`] of a model, and counts of its weights                    |
//! | `training`   | [`Training`]: what it learns from, and its settings                |
//! | `evaluation` | [`Evaluation`]: which models play which tasks                      |
//! | `server`     | [`Server`]: what serves the models, if it is not `trainer serve`   |
//! | `settings`   | [`Settings`] of other programs, and how they are merged            |
//! | `state`      | how an interpreter state is read                                   |
//! | `file`       | a file with what it extends, as one value                          |
//! | `check`      | what must hold beyond types: names that exist, counts that suffice |
//! | `read`       | all of these together                                              |
//!
//! Settings that only pass through to another program (`agent`, `llm`, `training`, `tuning`, and the keys
//! beside `data`) stay unread here. That program checks them before anything runs.

mod check;
mod evaluation;
mod file;
mod model;
mod read;
mod server;
mod settings;
mod sizes;
mod sources;
mod state;
mod training;
mod whole;

pub use evaluation::{Dtype, Evaluation};
pub use model::{Folder, Fresh, Model};
pub use server::{Running, Server, Vllm};
pub use settings::{Settings, merged, number};
pub use sizes::{Family, Sizes};
pub use sources::{Drills, Player, Recorded, Tasks, Teacher, Traces};
pub use training::{Episodes, Training};
pub use whole::Experiment;
