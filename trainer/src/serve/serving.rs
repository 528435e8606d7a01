//! What both protocols serve: an engine, the model's name, and how prompts are encoded.

use std::path::{Path, PathBuf};

use proto::conversation::Message;

use crate::chat::Rendering;
use crate::generate::{AdapterInfo, Handle};
use crate::json::Object;
use crate::serve::{Error, Result};

/// The identity of the base model.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its name in requests.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// SHA-256 of its weights, in hexadecimal.
    pub sha256: String,
}

/// The sampling of HTTP requests that do not specify it: from the model's `generation_config.json`, otherwise
/// OpenAI's defaults, as in vLLM. Over gRPC the default is greedy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplingDefaults {
    /// Default: 1.
    pub temperature: f64,
    /// Default: 1 (all).
    pub top_p: f64,
    /// Default: 0 (all).
    pub top_k: usize,
}

impl SamplingDefaults {
    /// The defaults of a model folder.
    ///
    /// # Errors
    /// If `generation_config.json` exists but is malformed.
    pub fn read(folder: &Path) -> crate::Result<Self> {
        let path = folder.join("generation_config.json");
        if !path.exists() {
            return Ok(Self { temperature: 1.0, top_p: 1.0, top_k: 0 });
        }
        let file = Object::read(&path)?;
        Ok(Self {
            temperature: file.optional("temperature")?.unwrap_or(1.0),
            top_p: file.optional("top_p")?.unwrap_or(1.0),
            // -1 and 0 are all.
            top_k: match file.optional::<i64>("top_k")? {
                None | Some(-1) => 0,
                Some(k) => usize::try_from(k)
                    .map_err(|_| file.error("top_k", format!("must be -1, 0 (both: all) or more, is {k}")))?,
            },
        })
    }
}

/// An engine as both protocols serve it.
pub struct Serving {
    /// Submits requests to the engine.
    pub engine: Handle,
    /// The base model.
    pub model: Identity,
    /// The sampling of HTTP requests that do not specify it.
    pub defaults: SamplingDefaults,
    /// `enable_thinking` for the chat template where a request does not say; `None`: undefined there.
    pub enable_thinking: Option<bool>,
}

impl Serving {
    /// The text and the tokens of a conversation.
    pub(super) fn render(
        &self,
        messages: &[Message],
        rendering: Rendering<'_>,
    ) -> Result<(String, Vec<i64>)> {
        if messages.is_empty() {
            return Err(Error::field("messages", "has none: a conversation begins with one"));
        }
        let text = self.engine.tokenizer().render(messages, rendering).map_err(Error::Prompt)?;
        let tokens = self.encode(&text)?;
        Ok((text, tokens))
    }

    /// The tokens of a text.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<i64>> {
        self.engine.tokenizer().encode(text).map_err(Error::Prompt)
    }

    /// The tokens of a prompt that is not a conversation; `add_special_tokens` says whether with those that the
    /// tokenizer adds.
    pub(super) fn encode_prompt(&self, text: &str, add_special_tokens: bool) -> Result<Vec<i64>> {
        match add_special_tokens {
            true => self.engine.tokenizer().encode_with_special_tokens(text).map_err(Error::Prompt),
            false => self.encode(text),
        }
    }

    /// The text of some tokens, including special ones.
    pub(super) fn decode(&self, ids: &[i64]) -> Result<String> {
        self.engine.tokenizer().decode(ids, false).map_err(Error::Prompt)
    }

    /// Loads an adapter. Blocks on file access.
    ///
    /// # Errors
    /// Those of [`Handle::load`]; also if the name is that of the base model.
    pub fn load(&self, name: &str, path: &Path, replace: bool) -> Result<AdapterInfo> {
        if name == self.model.name {
            return Err(Error::field("name", format!("is `{name}`, the base model's; choose another")));
        }
        let info = self.engine.load(name, path, replace)?;
        tracing::info!(name, path = %path.display(), rank = info.rank, sha256 = info.sha256, "adapter loaded");
        Ok(info)
    }
}
