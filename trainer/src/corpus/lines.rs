//! Chat files and text files.

use std::path::Path;

use proto::conversation::Chat;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{Content, Reader, read_utf8};
use crate::{Error, Result, digest};

/// The key of a chat line that changes how it is rendered and is not supported.
#[derive(Deserialize)]
struct Tools {
    tools: Option<IgnoredAny>,
}

/// A line of a text file.
#[derive(Deserialize)]
struct Document {
    text: String,
}

/// Reads a chat file; returns its hash.
pub fn read_chat(path: &Path, reader: &mut Reader<'_>) -> Result<String> {
    read_lines(path, reader, |line| {
        if let Tools { tools: Some(_) } = parse(line)? {
            return Err("`tools` are not supported".to_owned());
        }
        let Chat { messages } = parse(line)?;
        match messages.is_empty() {
            true => Err("`messages` is empty".to_owned()),
            false => Ok(Content::Conversation(messages)),
        }
    })
}

/// Reads a text file; returns its hash.
pub fn read_text(path: &Path, reader: &mut Reader<'_>) -> Result<String> {
    if path.extension().is_some_and(|extension| extension == "jsonl") {
        return read_lines(path, reader, |line| {
            let Document { text } = parse(line)?;
            match text.is_empty() {
                true => Err("`text` is empty".to_owned()),
                false => Ok(Content::Text(text)),
            }
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

/// Reads JSON lines, ignoring empty ones; `content` returns the content of a line, or what is wrong with it.
fn read_lines(
    path: &Path,
    reader: &mut Reader<'_>,
    content: impl Fn(&str) -> std::result::Result<Content, String>,
) -> Result<String> {
    let text = read_utf8(path)?;
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let content = content(line).map_err(|problem| Error::line(path, number + 1, problem));
        reader.take(format!("{}:{}", path.display(), number + 1), content)?;
    }
    digest::file(path)
}

/// Parses a line; an error names the key.
fn parse<T: DeserializeOwned>(line: &str) -> std::result::Result<T, String> {
    let mut json = serde_json::Deserializer::from_str(line);
    let parsed =
        serde_path_to_error::deserialize(&mut json).map_err(|error| match error.path().to_string() {
            place if place == "." || place == "?" => error.inner().to_string(),
            key => format!("`{key}`: {}", error.inner()),
        });
    let whole = parsed.and_then(|parsed| json.end().map(|()| parsed).map_err(|error| error.to_string()));
    // The error already begins with the line's number in the file.
    whole.map_err(|problem| problem.replace(" at line 1 column ", " at column "))
}
