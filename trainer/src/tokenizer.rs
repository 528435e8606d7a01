//! A model folder's tokenizer: text to token ids and back, conversations by way of its chat template.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::chat::{Message, Rendering, Template};
use crate::json::Object;
use crate::{Error, Result, digest};

/// The tokenizer's file.
pub const TOKENIZER: &str = "tokenizer.json";

/// Ends a document in the tokenizers of GPT and Qwen, and in those of `trainer init`.
const END_OF_TEXT: &str = "<|endoftext|>";

/// Text to token ids and back, as Hugging Face's tokenizers do it.
pub struct Tokenizer {
    path: PathBuf,
    inner: tokenizers::Tokenizer,
    template: Template,
    end_ids: BTreeSet<i64>,
}

impl Tokenizer {
    /// Reads `tokenizer.json`, the chat template, and the ids that end a turn.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(TOKENIZER);
        let inner = tokenizers::Tokenizer::from_file(&path)
            .map_err(|error| Error::Tokenizer { path: path.clone(), reason: error.to_string() })?;
        let template = Template::read(folder)?;
        let end_ids = end_ids(folder, &inner)?;
        Ok(Self { path, inner, template, end_ids })
    }

    /// The ids of a text as it stands: special tokens that are written in it are recognised, none is added.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>> {
        let encoding = self.inner.encode_fast(text, false).map_err(|error| self.error(&error))?;
        Ok(encoding.get_ids().iter().map(|id| i64::from(*id)).collect())
    }

    /// The same, with the bytes of the text that each token stands for, `start..end`. A token that is part of a
    /// character stands for all of it.
    pub fn encode_with_offsets(&self, text: &str) -> Result<(Vec<i64>, Vec<tokenizers::Offsets>)> {
        let encoding = self.inner.encode(text, false).map_err(|error| self.error(&error))?;
        let ids = encoding.get_ids().iter().map(|id| i64::from(*id)).collect();
        Ok((ids, encoding.get_offsets().to_vec()))
    }

    /// The text of some ids. Bytes that are not UTF-8 come out as U+FFFD.
    pub fn decode(&self, ids: &[i64], skip_special_tokens: bool) -> Result<String> {
        let ids =
            ids.iter().map(|id| u32::try_from(*id)).collect::<std::result::Result<Vec<_>, _>>().map_err(
                |_| Error::Tokenizer { path: self.path.clone(), reason: "a negative id".to_owned() },
            )?;
        self.inner.decode(&ids, skip_special_tokens).map_err(|error| self.error(&error))
    }

    /// The text of a conversation, as the model's chat template renders it.
    pub fn render(&self, messages: &[Message], rendering: Rendering) -> Result<String> {
        self.template.render(messages, rendering)
    }

    /// The model's chat template.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The ids that end an answer: `eos_token_id` of the generation config, or else of the model's config, or else
    /// the tokenizer's end token.
    pub fn end_ids(&self) -> &BTreeSet<i64> {
        &self.end_ids
    }

    /// The id that ends a document: `<|endoftext|>` where there is one, or else the first that ends an answer.
    pub fn document_end_id(&self) -> Option<i64> {
        self.inner.token_to_id(END_OF_TEXT).map(i64::from).or_else(|| self.end_ids.first().copied())
    }

    /// SHA-256 of `tokenizer.json`, in hex.
    pub fn sha256(&self) -> Result<String> {
        digest::file(&self.path)
    }

    /// Ids are below this.
    pub fn vocabulary_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The library's tokenizer, for what is not wrapped here.
    pub fn inner(&self) -> &tokenizers::Tokenizer {
        &self.inner
    }

    fn error(&self, error: &tokenizers::Error) -> Error {
        Error::Tokenizer { path: self.path.clone(), reason: error.to_string() }
    }
}

fn end_ids(folder: &Path, tokenizer: &tokenizers::Tokenizer) -> Result<BTreeSet<i64>> {
    for name in ["generation_config.json", "config.json"] {
        let path = folder.join(name);
        if !path.exists() {
            continue;
        }
        let file = Object::read(&path)?;
        match file.map.get("eos_token_id") {
            None | Some(serde_json::Value::Null) => {}
            Some(serde_json::Value::Array(_)) => return file.get("eos_token_id"),
            Some(_) => return Ok([file.get("eos_token_id")?].into()),
        }
    }
    let config = Object::read(&folder.join("tokenizer_config.json"))?;
    let token =
        config.map.get("eos_token").and_then(|value| value.as_str().or_else(|| value["content"].as_str()));
    match token.and_then(|token| tokenizer.token_to_id(token)) {
        Some(id) => Ok([i64::from(id)].into()),
        None => Err(config.error("eos_token", "is missing or unknown: nothing says where an answer ends")),
    }
}
