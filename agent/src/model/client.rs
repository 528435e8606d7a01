//! What every model client implements.

use std::fmt;

use serde_json::Value;

use super::error::Error;
use super::generate::{Completion, GenerateRequest};

/// A model that continues conversations.
#[tonic::async_trait]
pub trait Model: fmt::Debug + Send + Sync {
    /// The model's name in traces.
    fn name(&self) -> &str;

    /// Digests that identify the model's weights.
    fn weights(&self) -> Weights {
        Weights::default()
    }

    /// Checks whether the model can play a task family at all, so that a run which cannot work fails before
    /// its first episode.
    ///
    /// # Errors
    /// [`Error::Unsupported`], naming the family.
    fn check_family(&self, _family: &str) -> Result<(), Error> {
        Ok(())
    }

    /// What decides the answers beside the name, the weights and the request.
    fn settings(&self) -> Value {
        Value::Null
    }

    /// Gives back what was taken for the run, at its end.
    async fn release(&self) {}

    /// Writes the next assistant message.
    ///
    /// # Errors
    /// Why there is no answer.
    async fn generate(&self, request: &GenerateRequest) -> Result<Completion, Error>;
}

/// Digests of a model's weights, in hexadecimal; empty for models without weights, or if the server does not
/// tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// SHA-256 of the base model.
    pub model_sha256: String,
    /// SHA-256 of the adapter.
    pub adapter_sha256: String,
}
