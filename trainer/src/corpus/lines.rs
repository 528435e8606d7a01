//! Chat files and text files.

use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{Content, Reader, read_utf8};
use crate::chat::Message;
use crate::{Error, Result, digest};

/// A line of a chat file. Other keys, such as ids, are no part of the conversation.
#[derive(Deserialize)]
struct Chat {
    messages: Vec<Message>,
    tools: Option<IgnoredAny>,
}

/// A line of a text file.
#[derive(Deserialize)]
struct Document {
    text: String,
}

/// Reads a chat file; returns its hash.
pub fn read_chat(path: &Path, reader: &mut Reader<'_>) -> Result<String> {
    read_lines(path, reader, |chat: Chat| match chat {
        Chat { tools: Some(_), .. } => Err("`tools` are not supported".to_owned()),
        Chat { messages, .. } if messages.is_empty() => Err("`messages` is empty".to_owned()),
        Chat { messages, .. } => Ok(Content::Conversation(messages)),
    })
}

/// Reads a text file; returns its hash.
pub fn read_text(path: &Path, reader: &mut Reader<'_>) -> Result<String> {
    if path.extension().is_some_and(|extension| extension == "jsonl") {
        return read_lines(path, reader, |document: Document| match document.text.is_empty() {
            true => Err("`text` is empty".to_owned()),
            false => Ok(Content::Text(document.text)),
        });
    }
    let text = read_utf8(path)?;
    let content = match text.is_empty() {
        true => Err(Error::file(path)(std::io::Error::other("is empty"))),
        false => Ok(Content::Text(text)),
    };
    reader.take(path.display().to_string(), content)?;
    digest::file(path)
}

/// JSON a line; empty lines do not count.
fn read_lines<T: DeserializeOwned>(
    path: &Path,
    reader: &mut Reader<'_>,
    content: impl Fn(T) -> std::result::Result<Content, String>,
) -> Result<String> {
    let text = read_utf8(path)?;
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let taken = parse(line).and_then(&content).map_err(|problem| Error::line(path, number + 1, problem));
        reader.take(format!("{}:{}", path.display(), number + 1), taken)?;
    }
    digest::file(path)
}

/// What a line says, or what is wrong with it, and in which key.
fn parse<T: DeserializeOwned>(line: &str) -> std::result::Result<T, String> {
    let mut json = serde_json::Deserializer::from_str(line);
    let parsed =
        serde_path_to_error::deserialize(&mut json).map_err(|error| match error.path().to_string() {
            place if place == "." || place == "?" => error.inner().to_string(),
            key => format!("`{key}`: {}", error.inner()),
        });
    let whole = parsed.and_then(|parsed| json.end().map(|()| parsed).map_err(|error| error.to_string()));
    // The line's own number stands before it.
    whole.map_err(|problem| problem.replace(" at line 1 column ", " at column "))
}
