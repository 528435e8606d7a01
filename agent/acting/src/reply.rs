//! What a model's reply asks for: code to run, or nothing, and then why.
//!
//! Models write code in many ways. What they plainly mean is taken; where nothing can be taken, the reason is returned, so
//! that the model can be told.
//!
//! | module     | what it holds                                                     |
//! |------------|-------------------------------------------------------------------|
//! | `parts`    | a reply as a sequence of words, thoughts and blocks               |
//! | `opening`  | what begins a block: a fence or a tag, after words or alone       |
//! | `block`    | a block that is being read, its end, and its code                 |
//! | `line`     | what stands at a line's beginning: markers of lists, fences       |
//! | `tag`      | tags that models put around code                                  |
//! | `thoughts` | the marks of a model's thoughts                                   |
//! | `turn`     | the marks with which models end their turn                        |
//! | `language` | names of Python, and how Python differs from words and results    |
//! | `source`   | Python's strings and comments, its indent, prompts of a session   |
//! | `mistaken` | tool calls and observations written as JSON                       |
//!
//! A block is *marked* where it names Python, in the fence's words (```` ```python ````) or by a tag (`<execute>`).
//! Marked blocks win over unmarked ones, which may be expected output or data. Among unmarked ones, those that look like
//! Python win. Empty blocks do not count, and nothing is taken from thoughts.

mod block;
mod language;
mod line;
mod mistaken;
mod opening;
mod parts;
mod source;
mod tag;
#[cfg(test)]
mod tests;
mod thoughts;
mod turn;

use block::{Block, Kind};
use parts::{Content, Part};

pub use mistaken::Nothing;

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

/// What a reply asks for.
pub fn request(reply: &str) -> Request {
    let text = thoughts::without_channels(reply);
    let parts = parts::of(&text);
    let mut codes: Vec<String> = chosen(&parts).into_iter().map(|(_, block)| block.code.clone()).collect();
    match codes.len() {
        0 => Request::Nothing(mistaken::reason(&parts)),
        1 => match mistaken::of_text(&codes[0]) {
            Some(reason) => Request::Nothing(reason),
            None => Request::Run(codes.remove(0)),
        },
        _ => Request::Several(codes),
    }
}

/// Whether the end of a reply's code, or of the first of several blocks, is marked: then nothing of it is missing, even if
/// the reply was cut off.
pub fn holds_whole_block(reply: &str) -> bool {
    let text = thoughts::without_channels(reply);
    let parts = parts::of(&text);
    chosen(&parts).first().is_some_and(|(index, _)| parts[*index].closed)
}

/// A reply without what the model thinks before it answers.
pub fn without_thoughts(reply: &str) -> String {
    let text = thoughts::without_channels(reply);
    let parts = parts::of(&text);
    let said = parts.iter().filter(|part| part.content != Content::Thoughts);
    said.flat_map(|part| part.lines.iter().copied()).collect::<Vec<_>>().join("\n")
}

/// What the model thinks in a reply before it answers, without marks; empty if that is nothing.
pub fn thoughts(reply: &str) -> String {
    let text = thoughts::without_channels(reply);
    let parts = parts::of(&text);
    let thought = parts.iter().filter(|part| part.content == Content::Thoughts);
    let thought = thought.map(|part| thoughts::unmarked(&part.lines.join("\n")).to_owned());
    thought.collect::<Vec<_>>().join("\n\n")
}

/// The words of a reply beside its code, thoughts included.
pub fn prose(reply: &str) -> String {
    let parts = parts::of(reply);
    let code: Vec<usize> = chosen(&parts).into_iter().map(|(index, _)| index).collect();
    let mut texts = vec![String::new()];
    for (index, part) in parts.iter().enumerate() {
        match texts.last_mut() {
            Some(text) if !code.contains(&index) => {
                part.lines.iter().for_each(|line| *text += &format!("{line}\n"));
            }
            _ => texts.push(String::new()),
        }
    }
    let texts: Vec<&str> = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect();
    texts.join("\n")
}

/// The blocks that are meant to run, each with the index of its part.
fn chosen<'parts>(parts: &'parts [Part<'_>]) -> Vec<(usize, &'parts Block)> {
    let blocks = parts.iter().enumerate().filter_map(|(index, part)| match &part.content {
        Content::Block(block) if !block.is_empty() => Some((index, block)),
        _ => None,
    });
    let is_plain = |block: &Block| block.is_plain || language::looks_like_python(&block.code);
    let plain: Vec<(usize, &Block)> = blocks.filter(|(_, block)| is_plain(block)).collect();
    let of_kind = |kind: Kind| plain.iter().copied().filter(move |(_, block)| block.kind == kind);
    let marked: Vec<_> = of_kind(Kind::Marked).collect();
    if !marked.is_empty() {
        return marked;
    }
    let is_code = |code: &str| !mistaken::is_json(code) && !language::is_result(code);
    let unmarked: Vec<_> = of_kind(Kind::Unmarked).filter(|(_, block)| is_code(&block.code)).collect();
    let python: Vec<_> =
        unmarked.iter().copied().filter(|(_, block)| language::looks_like_python(&block.code)).collect();
    if python.is_empty() { unmarked } else { python }
}
