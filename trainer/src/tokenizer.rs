//! A model folder's tokenizer: text to token ids and back, and conversations to text by the chat template.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proto::conversation::Message;

use crate::chat::{Rendering, Template};
use crate::json::Object;
use crate::{Error, Result, digest};

/// The file of the tokenizer.
pub const TOKENIZER: &str = "tokenizer.json";

/// The end of a document in the tokenizers of GPT and Qwen, and in those of `trainer init`.
const END_OF_TEXT: &str = "<|endoftext|>";

/// Converts text to token ids and back, by Hugging Face's tokenizers library.
pub struct Tokenizer {
    path: PathBuf,
    inner: tokenizers::Tokenizer,
    template: Template,
    end_ids: BTreeSet<i64>,
}

impl Tokenizer {
    /// Reads `tokenizer.json`, the chat template, and the ids that end a turn.
    ///
    /// # Errors
    /// If a file is missing or malformed, or no end token is known.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(TOKENIZER);
        let inner = tokenizers::Tokenizer::from_file(&path)
            .map_err(|error| Error::Tokenizer { path: path.clone(), reason: error.to_string() })?;
        let template = Template::read(folder)?;
        let end_ids = end_ids(folder, &inner)?;
        Ok(Self { path, inner, template, end_ids })
    }

    /// The ids of a text. Special tokens that it contains are recognised; none are added.
    ///
    /// # Errors
    /// Those of the library.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>> {
        let encoding = self.inner.encode_fast(text, false).map_err(|error| self.error(&error))?;
        Ok(encoding.get_ids().iter().map(|id| i64::from(*id)).collect())
    }

    /// The ids of a text that stands for itself, with the special tokens that the tokenizer adds to one: Llama 3's
    /// begins with its `bos_token`, and those of Qwen and SmolLM2 add none. Chat templates write them instead.
    ///
    /// # Errors
    /// Those of the library.
    pub fn encode_with_special_tokens(&self, text: &str) -> Result<Vec<i64>> {
        let encoding = self.inner.encode_fast(text, true).map_err(|error| self.error(&error))?;
        Ok(encoding.get_ids().iter().map(|id| i64::from(*id)).collect())
    }

    /// The ids of a text, and for each the bytes of the text that it covers, `start..end`. A token that is
    /// part of a character covers all of it.
    ///
    /// # Errors
    /// Those of the library.
    pub fn encode_with_offsets(&self, text: &str) -> Result<(Vec<i64>, Vec<tokenizers::Offsets>)> {
        let encoding = self.inner.encode(text, false).map_err(|error| self.error(&error))?;
        let ids = encoding.get_ids().iter().map(|id| i64::from(*id)).collect();
        Ok((ids, encoding.get_offsets().to_vec()))
    }

    /// The text of some ids. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// For a negative id.
    pub fn decode(&self, ids: &[i64], skip_special_tokens: bool) -> Result<String> {
        let ids =
            ids.iter().map(|id| u32::try_from(*id)).collect::<std::result::Result<Vec<_>, _>>().map_err(
                |_| Error::Tokenizer { path: self.path.clone(), reason: "a negative id".to_owned() },
            )?;
        self.inner.decode(&ids, skip_special_tokens).map_err(|error| self.error(&error))
    }

    /// The text of a conversation, rendered by the model's chat template.
    ///
    /// # Errors
    /// If the template refuses the conversation.
    pub fn render(&self, messages: &[Message], rendering: Rendering<'_>) -> Result<String> {
        self.template.render(messages, rendering)
    }

    /// The model's chat template.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The ids that end an answer: `eos_token_id` of the generation config, otherwise of the model's config,
    /// otherwise the tokenizer's end token.
    pub fn end_ids(&self) -> &BTreeSet<i64> {
        &self.end_ids
    }

    /// The id that ends a document: `<|endoftext|>` if there is one, otherwise the first that ends an answer.
    pub fn document_end_id(&self) -> Option<i64> {
        self.inner.token_to_id(END_OF_TEXT).map(i64::from).or_else(|| self.end_ids.first().copied())
    }

    /// SHA-256 of `tokenizer.json`, in hexadecimal.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn sha256(&self) -> Result<String> {
        digest::file(&self.path)
    }

    /// The size of the vocabulary: ids are below this.
    pub fn vocabulary_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The library's tokenizer.
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
