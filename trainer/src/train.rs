//! Training: from a config, a base and prepared samples to an adapter, or to a model.
//!
//! [`Training::open`] reads everything and finds where an earlier start has left off; [`Training::run`] goes through
//! the steps. A step is: for each of its passes the loss and its gradients ([`loss`], by way of
//! [`Model::backpropagate`](crate::model::Model::backpropagate)), then [`optimizer`]. Which samples, in which order,
//! and what is drawn at random follow from seed and step alone ([`batches`]), so a training that is stopped at any
//! time goes on from its last checkpoint to the same weights.

pub mod batches;
mod checkpoint;
mod config;
mod curve;
mod data;
pub mod events;
mod failure;
mod interrupt;
pub mod loss;
mod memory;
pub mod metrics;
pub mod optimizer;
mod progress;
mod record;
mod run;
mod schedule;

pub use config::Config;
pub use failure::Failure;
pub use interrupt::{EXIT_CODE, Interrupt};
pub use memory::quiet_panics;
pub use record::{Position, RECORD, Record};
pub use run::{Options, Training};
pub use schedule::Schedule;
