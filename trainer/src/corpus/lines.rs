//! Chat files and text files.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::python_json::without_nan;
use super::{Content, Reader, read_utf8};
use crate::message::{self, Origin};
use crate::{Error, Result, digest};

/// Keys of a chat line that change how it is rendered and are not supported.
const RENDERED: [&str; 2] = ["functions", "documents"];

/// A line of a text file.
#[derive(Deserialize)]
struct Document {
    text: String,
}

/// Reads a chat file; returns its hash.
pub fn read_chat(path: &Path, reader: &mut Reader<'_>) -> Result<String> {
    read_lines(path, reader, |line| {
        let keys: Map<String, Value> = parse(line)?;
        let says = |key: &&&str| keys.get(**key).is_some_and(|value| !message::is_empty(value));
        if let Some(key) = RENDERED.iter().find(says) {
            return Err(format!("`{key}` is not supported"));
        }
        let messages = match keys.get("messages") {
            Some(Value::Array(messages)) if messages.is_empty() => Err("`messages` is empty".to_owned()),
            Some(Value::Array(messages)) => message::read_all(messages, Origin::File)
                .map_err(|(path, problem)| format!("`{path}` {problem}")),
            Some(_) => Err("`messages` is not a list".to_owned()),
            None => Err("`messages` is missing".to_owned()),
        };
        let (tools, enable_thinking) = (tools(&keys)?, thinking(&keys)?);
        Ok(Content::Conversation { messages: messages?, tools, recorded: Vec::new(), enable_thinking })
    })
}

/// The functions that the model of a chat line can call.
fn tools(keys: &Map<String, Value>) -> std::result::Result<Vec<Value>, String> {
    match keys.get("tools") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(tools)) if tools.iter().all(Value::is_object) => Ok(tools.clone()),
        Some(_) => Err("`tools` is not a list of functions in OpenAI's form".to_owned()),
    }
}

/// What a chat line passes to the chat template as `enable_thinking`.
fn thinking(keys: &Map<String, Value>) -> std::result::Result<Option<bool>, String> {
    let Some(kwargs) = keys.get("chat_template_kwargs").filter(|kwargs| !message::is_empty(kwargs)) else {
        return Ok(None);
    };
    match kwargs.as_object().map(|kwargs| (kwargs.len(), kwargs.get("enable_thinking"))) {
        Some((1, Some(Value::Bool(thinking)))) => Ok(Some(*thinking)),
        _ => Err(format!(
            "`chat_template_kwargs` may hold `enable_thinking` alone, true or false; it is {kwargs}"
        )),
    }
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
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text); // a byte-order mark
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let content = content(&without_nan(line)).map_err(|problem| Error::line(path, number + 1, problem));
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
