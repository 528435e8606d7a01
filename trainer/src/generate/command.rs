//! The messages from handles to the engine's thread.

use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedSender;

use super::{Event, Request};
use crate::lora::Adapter;

/// A message to the engine's thread.
pub enum Command {
    /// Generate answers, which begin together.
    Generate(Vec<Accepted>),
    /// Add an adapter under a name, or replace it.
    Load(String, Adapter),
    /// Remove an adapter.
    Unload(String),
    /// End all generations and the thread.
    Stop,
}

/// A request that has been checked.
pub struct Accepted {
    pub request: Request,
    /// Where its events are sent.
    pub events: UnboundedSender<Event>,
    /// Its place in the queue, released when its generation starts.
    pub place: OwnedSemaphorePermit,
    pub arrived: Instant,
}
