//! What a model's reply asks for: code to run, or nothing, and then why.
//!
//! Models write code in many ways. What they plainly mean is taken; where nothing can be taken, the reason is
//! returned, so that the model can be told. Nothing is ever taken from a model's thoughts ([`thinking`]).
//!
//! A block is *marked* where it names Python, in the fence's words (```` ```python ````) or by a tag (`<execute>`).
//! Marked blocks win over unmarked ones, which may be expected output or data. Empty blocks do not count.

mod blocks;
mod language;
#[cfg(test)]
mod tests;
mod thinking;

use serde_json::Value;

use blocks::{Block, Kind};

/// What a reply asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// One block of code.
    Run(String),
    /// Several blocks of code, in order; at least two.
    Several(Vec<String>),
    /// No code.
    Nothing(Nothing),
}

/// Why a reply asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// It holds no code block.
    NoBlock,
    /// It calls a tool by JSON, as if tools were called directly.
    ToolCall,
    /// It writes an observation, as if it were the environment.
    Observation,
}

/// What a reply asks for.
pub fn request(reply: &str) -> Request {
    let blocks = blocks::find(thinking::without(reply));
    let filled = blocks.iter().filter(|block| !block.code.trim().is_empty());
    let (marked, unmarked): (Vec<&Block>, Vec<&Block>) =
        filled.filter(|block| block.kind != Kind::Other).partition(|block| block.kind == Kind::Marked);
    let mut codes: Vec<String> = match marked.as_slice() {
        [] => unmarked.iter().filter(|block| is_code(block)).map(|block| block.code.clone()).collect(),
        marked => marked.iter().map(|block| block.code.clone()).collect(),
    };
    match codes.len() {
        0 => Request::Nothing(nothing(reply, &blocks)),
        1 => Request::Run(codes.remove(0)),
        _ => Request::Several(codes),
    }
}

/// The words of a reply beside its code, thoughts included.
pub fn prose(reply: &str) -> String {
    blocks::prose(reply)
}

/// Whether an unmarked block is code and not data. One that is never closed must look like code, too: a stray fence
/// may stand before words.
fn is_code(block: &Block) -> bool {
    !is_data(&block.code) && (block.closed || language::looks_like_python(&block.code))
}

/// Whether a text is one JSON object or array.
fn is_data(text: &str) -> bool {
    matches!(serde_json::from_str(text.trim()), Ok(Value::Object(_) | Value::Array(_)))
}

/// Why there is no code in a reply: what its JSON is meant to be, in a block, in a `<tool_call>` or by itself.
fn nothing(reply: &str, blocks: &[Block]) -> Nothing {
    let visible = thinking::without(reply);
    let tagged = ["<tool_call>", "<function_call>"].iter().filter_map(|tag| {
        let rest = visible.split_once(tag)?.1;
        Some(rest.split("</").next().unwrap_or(rest))
    });
    let texts = blocks.iter().map(|block| block.code.as_str()).chain(tagged).chain([visible]);
    let values: Vec<Value> = texts.filter_map(|text| serde_json::from_str(text.trim()).ok()).collect();
    let objects = || {
        values.iter().flat_map(|value| match value {
            Value::Array(elements) => elements.iter().collect(),
            value => vec![value],
        })
    };
    let has = |object: &Value, keys: &[&str]| keys.iter().any(|key| object.get(key).is_some());
    let calls = |object: &Value| {
        has(object, &["tool_calls", "function_call", "tool_call"])
            || has(object, &["name", "tool", "function", "tool_name", "action"])
                && has(object, &["arguments", "args", "parameters", "kwargs", "input", "action_input"])
    };
    if objects().any(calls) || visible.contains("<tool_call>") || visible.contains("<function_call>") {
        Nothing::ToolCall
    } else if objects().any(|object| has(object, &["output", "error", "observation"])) {
        Nothing::Observation
    } else {
        Nothing::NoBlock
    }
}
