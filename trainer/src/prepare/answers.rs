//! Where a conversation's answers stand in its rendered text.
//!
//! Templates are programs: Qwen3's, for one, writes another text around the last answer than around those before, so
//! that a conversation cannot be rendered turn by turn. So it is rendered once more with marks around the answers: if
//! the text without the marks is the same, they tell where the answers are. Where a template looks into an answer
//! (blanks trimmed, thoughts taken out), marks at its ends may change or lose text; then they are tried further in,
//! answer by answer.

use std::ops::Range;

use crate::chat::{Message, Rendering, Role};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

/// Characters that Unicode keeps free for such uses; two that the conversation does not contain are the marks.
const MARKS: std::ops::RangeInclusive<char> = '\u{fdd0}'..='\u{fdef}';

const THINK: &str = "<think>";
const END_THINK: &str = "</think>";

/// The text of a conversation, and which bytes of it are the answers. What the template changes or adds of its own is
/// no part of an answer.
pub fn render(
    tokenizer: &Tokenizer,
    messages: &[Message],
    rendering: Rendering,
) -> Result<(String, Vec<Range<usize>>)> {
    let text = tokenizer.render(messages, rendering)?;
    let mut unused = MARKS.filter(|mark| !text.contains(*mark));
    let (Some(start), Some(end)) = (unused.next(), unused.next()) else {
        return Err(Error::Conversation {
            problem: "it holds every character of U+FDD0 to U+FDEF".to_owned(),
        });
    };
    let find = |marked: Vec<Message>| -> Option<Vec<Range<usize>>> {
        // A template that refuses what is marked may still take it marked elsewhere.
        locate(&text, &tokenizer.render(&marked, rendering).ok()?, start, end)
    };
    let mark = |content: &str, inner: Range<usize>| {
        let (before, after) = (&content[..inner.start], &content[inner.end..]);
        format!("{before}{start}{}{end}{after}", &content[inner])
    };

    let is_answer = |message: &Message| message.role == Role::Assistant;
    let mut marked = messages.to_vec();
    for message in marked.iter_mut().filter(|message| is_answer(message)) {
        message.content = mark(&message.content, 0..message.content.len());
    }
    let count = messages.iter().filter(|message| is_answer(message)).count();
    if let Some(ranges) = find(marked).filter(|ranges| ranges.len() == count) {
        return Ok((text, ranges));
    }

    let one_by_one = messages.iter().enumerate().filter(|(_, message)| is_answer(message));
    let ranges = one_by_one.map(|(number, message)| {
        let found = places(&message.content).find_map(|inner| {
            let mut marked = messages.to_vec();
            marked[number].content = mark(&message.content, inner);
            find(marked).filter(|ranges| ranges.len() == 1)
        });
        found.and_then(|ranges| ranges.into_iter().next()).ok_or_else(|| Error::Conversation {
            problem: format!("message {number} cannot be found in what the template makes of it"),
        })
    });
    let ranges = ranges.collect::<Result<_>>()?;
    Ok((text, ranges))
}

/// The marked ranges, if the marks come in pairs and the text without them is `text`.
fn locate(text: &str, marked: &str, start: char, end: char) -> Option<Vec<Range<usize>>> {
    let mut plain = String::with_capacity(text.len());
    let mut ranges = vec![];
    let mut open = None;
    for character in marked.chars() {
        if character == start {
            if open.replace(plain.len()).is_some() {
                return None;
            }
        } else if character == end {
            ranges.push(open.take()?..plain.len());
        } else {
            plain.push(character);
        }
    }
    (open.is_none() && plain == text).then_some(ranges)
}

/// The parts of an answer that a template may write as they are: all; without blanks around it; from within its
/// thoughts; behind them.
fn places(content: &str) -> impl Iterator<Item = Range<usize>> {
    let inside = |tag: &str, found: Option<usize>| {
        let start = found.map_or(0, |position| position + tag.len());
        start + blank(&content[start..])
    };
    let starts =
        [0, blank(content), inside(THINK, content.find(THINK)), inside(END_THINK, content.rfind(END_THINK))];
    let ends = [content.len(), content.trim_end().len()];
    starts.into_iter().flat_map(move |start| ends.map(|end| start..end.max(start)))
}

/// Bytes of blanks at the start.
fn blank(text: &str) -> usize {
    text.len() - text.trim_start().len()
}
