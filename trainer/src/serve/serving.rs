//! What both protocols serve.

use std::path::{Path, PathBuf};

use proto::conversation::Message;

use crate::chat::Rendering;
use crate::generate::{AdapterInfo, Handle};
use crate::json::Object;
use crate::serve::{Error, Result};

/// Which model it is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// What requests call it.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// SHA-256 of its weights, in hex.
    pub sha256: String,
}

/// What requests over HTTP that say nothing of it are sampled with: the model's `generation_config.json`, and where
/// that says nothing, OpenAI's defaults. So does vLLM. Over gRPC, what is not said is greedy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplingDefaults {
    /// 1 where nothing is said.
    pub temperature: f64,
    /// 1 (all) where nothing is said.
    pub top_p: f64,
    /// 0 (all) where nothing is said.
    pub top_k: usize,
}

impl SamplingDefaults {
    /// Those of a model folder.
    ///
    /// # Errors
    /// Where `generation_config.json` is there but not as it should be.
    pub fn read(folder: &Path) -> crate::Result<Self> {
        let path = folder.join("generation_config.json");
        if !path.exists() {
            return Ok(Self { temperature: 1.0, top_p: 1.0, top_k: 0 });
        }
        let file = Object::read(&path)?;
        Ok(Self {
            temperature: file.optional("temperature")?.unwrap_or(1.0),
            top_p: file.optional("top_p")?.unwrap_or(1.0),
            top_k: file.optional("top_k")?.unwrap_or(0),
        })
    }
}

/// What both protocols serve.
pub struct Serving {
    /// The way to the engine.
    pub engine: Handle,
    /// Which model it is.
    pub model: Identity,
    /// How requests that do not say are sampled.
    pub defaults: SamplingDefaults,
}

impl Serving {
    /// The text and the tokens of a conversation.
    pub(super) fn render(&self, messages: &[Message], rendering: Rendering) -> Result<(String, Vec<i64>)> {
        if messages.is_empty() {
            return Err(Error::field("messages", "has none: a conversation begins with one"));
        }
        let text = self.engine.tokenizer().render(messages, rendering).map_err(Error::Prompt)?;
        let tokens = self.encode(&text)?;
        Ok((text, tokens))
    }

    /// The tokens of a text as it stands.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<i64>> {
        self.engine.tokenizer().encode(text).map_err(Error::Prompt)
    }

    /// The text of some tokens, special ones included.
    pub(super) fn decode(&self, ids: &[i64]) -> Result<String> {
        self.engine.tokenizer().decode(ids, false).map_err(Error::Prompt)
    }

    /// Loads an adapter; reads files.
    ///
    /// # Errors
    /// As [`Handle::load`]; also where the name is the model's.
    pub fn load(&self, name: &str, path: &Path, replace: bool) -> Result<AdapterInfo> {
        if name == self.model.name {
            return Err(Error::field("name", format!("is `{name}`, the base model's; choose another")));
        }
        let info = self.engine.load(name, path, replace)?;
        tracing::info!(name, path = %path.display(), rank = info.rank, sha256 = info.sha256, "adapter loaded");
        Ok(info)
    }
}
