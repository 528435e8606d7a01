//! Models: one trait, and the clients that implement it.
//!
//! | module      | what it holds                                  |
//! |-------------|------------------------------------------------|
//! | `client`    | the trait [`Model`]                            |
//! | `generate`  | what a model is asked for, and what it answers |
//! | `error`     | why there is no answer                         |
//! | `inference` | models behind an inference server              |
//! | `openai`    | models behind an HTTP API like OpenAI's        |
//! | `cached`    | answers that were given before, kept in a file |
//! | `scripted`  | scripted policies                              |
//!
//! A client turns a conversation into the next assistant message. It knows nothing about tasks, episodes or
//! interpreters. Each client is a module here and a value of [`config::Backend`].

use std::sync::Arc;

use crate::config;
use crate::teachers::policy::Policy;

mod cached;
mod client;
mod error;
mod generate;
mod inference;
mod openai;
mod scripted;

pub use cached::Cache;
pub use client::{Model, Weights};
pub use error::Error;
pub use generate::{Completion, FinishReason, GenerateRequest, Sampling, Tokens, estimate_usage};
pub use proto::conversation::{Message, Role, ToolCall};

/// The client for the model that a config names, connected. With a cache, answers of models on servers are kept in it.
///
/// # Errors
/// [`Error::Unknown`] if no backend, or not the named one, has the model; [`Error::Connect`] if its server
/// does not answer.
pub async fn from_config(llm: &config::Llm, cache: Option<&Cache>) -> Result<Arc<dyn Model>, Error> {
    let model = connect(llm).await?;
    Ok(match cache.filter(|_| llm.cache_enabled && llm.backend() != Some(config::Backend::Scripted)) {
        Some(cache) => Arc::new(cached::Cached::new(model, cache.clone())),
        None => model,
    })
}

async fn connect(llm: &config::Llm) -> Result<Arc<dyn Model>, Error> {
    let unknown = || Error::Unknown { model: llm.model.clone() };
    match llm.backend().ok_or_else(unknown)? {
        config::Backend::Scripted => {
            let policy = Policy::named(&llm.model).ok_or_else(unknown)?;
            Ok(Arc::new(scripted::Scripted::new(policy)))
        }
        config::Backend::Vllm | config::Backend::Openai => Ok(Arc::new(openai::OpenAi::connect(llm).await?)),
        config::Backend::Inference => Ok(Arc::new(inference::Inference::connect(llm).await?)),
    }
}
