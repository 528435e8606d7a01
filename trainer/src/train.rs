//! Training: from a config, a base, and prepared samples or episodes to an adapter, or to a model.
//!
//! | file          | what it holds                                                               |
//! |---------------|-----------------------------------------------------------------------------|
//! | `config`      | the config, with Axolotl's keys                                             |
//! | `run`         | a training as a session: folder, checkpoints, resuming, interrupts, metrics |
//! | `objective`   | what is learnt: gradients of steps, evaluation                              |
//! | `sft`         | an objective: supervised fine-tuning                                        |
//! | [`grpo`]      | an objective: group-relative policy optimisation on episodes                |
//! | `data`        | the samples, checked and split                                              |
//! | [`batches`]   | which samples share a pass and a step                                       |
//! | [`loss`]      | losses in chunks of tokens                                                  |
//! | [`optimizer`] | AdamW and Muon                                                              |
//! | `schedule`    | the number of steps, and the learning rate of each                          |
//! | `checkpoint`  | `checkpoint-N` folders, written atomically                                  |
//! | `record`      | `training.json`                                                             |
//! | `metrics`     | `metrics.jsonl`                                                             |
//! | [`events`]    | TensorBoard's event files                                                   |
//! | `curve`       | the chart of the loss or the reward                                         |
//! | `progress`    | progress on standard error                                                  |
//! | `memory`      | memory in use, and exhausted memory                                         |
//! | `failure`     | why a training ended early                                                  |
//!
//! [`Training::open`] reads everything and finds the checkpoint to resume from; [`Training::run`] runs the
//! steps. The order of samples and all random draws depend only on the seed and the number of the step, so a
//! training that was stopped at any time resumes from its last checkpoint to the same weights.

pub mod batches;
mod checkpoint;
mod config;
mod curve;
mod data;
pub mod events;
mod failure;
pub mod grpo;
pub mod loss;
mod memory;
mod metrics;
mod objective;
pub mod optimizer;
mod progress;
mod record;
mod run;
mod schedule;
mod sft;

pub use config::{Config, LossType, Method, Scale, Trl, keys};
pub use failure::Failure;
pub use memory::silence_exhaustion;
pub use run::{Options, Training};
pub use schedule::Schedule;
