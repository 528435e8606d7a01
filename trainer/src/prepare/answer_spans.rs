//! The positions of a conversation's answers in its rendered text.
//!
//! Templates are programs. Qwen3's, for example, renders the last answer differently from earlier ones, so a
//! conversation cannot be rendered turn by turn. Instead it is rendered a second time with marks around the
//! answers: if the text without the marks is the same, the marks show where the answers are. A template that
//! inspects answers (to trim whitespace or remove thoughts) may change the text because of the marks; then
//! marks are placed further inside, one answer at a time.

use std::ops::Range;

use proto::conversation::{Message, Role};

use crate::chat::Rendering;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

/// Noncharacters, which Unicode reserves for internal use; two that the conversation does not contain are the
/// marks.
const MARKS: std::ops::RangeInclusive<char> = '\u{fdd0}'..='\u{fdef}';

const THINK: &str = "<think>";
const END_THINK: &str = "</think>";

/// The rendered text of a conversation, and the byte ranges of the answers. Text that the template adds to an
/// answer is not part of it.
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
        // A template that refuses the conversation with these marks may accept other positions.
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
        let found = candidates(&message.content).find_map(|inner| {
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

/// The marked ranges, if the marks are paired and the text without them equals `text`.
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

/// The parts of an answer that a template may render unchanged: all of it; without surrounding whitespace;
/// from inside its thoughts on; after its thoughts.
fn candidates(content: &str) -> impl Iterator<Item = Range<usize>> {
    let inside = |tag: &str, found: Option<usize>| {
        let start = found.map_or(0, |position| position + tag.len());
        start + leading_whitespace(&content[start..])
    };
    let starts = [
        0,
        leading_whitespace(content),
        inside(THINK, content.find(THINK)),
        inside(END_THINK, content.rfind(END_THINK)),
    ];
    let ends = [content.len(), content.trim_end().len()];
    starts.into_iter().flat_map(move |start| ends.map(|end| start..end.max(start)))
}

/// The number of bytes of whitespace at the start.
fn leading_whitespace(text: &str) -> usize {
    text.len() - text.trim_start().len()
}
