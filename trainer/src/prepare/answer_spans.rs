//! The positions of a conversation's answers in its rendered text.
//!
//! A template that marks what the model generates (`{% generation %}`) is believed. Otherwise an answer begins where
//! the prompt ends that the model gets for it, the text before it rendered with `add_generation_prompt`: what comes
//! after that, the model has to write. It ends with the message.
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

/// The rendered text of a conversation, and the byte ranges of the answers: one for each message of the model, or,
/// if the template marks them, as many as it marks.
pub fn render(
    tokenizer: &Tokenizer,
    messages: &[Message],
    rendering: Rendering<'_>,
) -> Result<(String, Vec<Range<usize>>)> {
    let text = tokenizer.render(messages, rendering)?;
    let mut unused = MARKS.filter(|mark| !text.contains(*mark));
    let (Some(start), Some(end)) = (unused.next(), unused.next()) else {
        return Err(Error::Conversation {
            problem: "it holds every character of U+FDD0 to U+FDEF".to_owned(),
        });
    };
    let conversation = Conversation { tokenizer, messages, rendering, text: &text, marks: [start, end] };
    let ranges = match tokenizer.template().marks_answers() {
        true => conversation.generated()?,
        false => conversation.behind_prompts(conversation.contents()?),
    };
    Ok((text, ranges))
}

/// A conversation and its rendered text.
struct Conversation<'a> {
    tokenizer: &'a Tokenizer,
    messages: &'a [Message],
    rendering: Rendering<'a>,
    text: &'a str,
    marks: [char; 2],
}

impl Conversation<'_> {
    /// What the template marks.
    fn generated(&self) -> Result<Vec<Range<usize>>> {
        let template = self.tokenizer.template();
        let marked = template.render_marked(self.messages, self.rendering, self.marks)?;
        locate(self.text, &marked, self.marks).ok_or_else(|| Error::Conversation {
            problem: "the template's {% generation %} blocks are nested, or their text is used again"
                .to_owned(),
        })
    }

    /// The messages of the model. Text that the template adds to one is not part of it.
    fn contents(&self) -> Result<Vec<Range<usize>>> {
        let [start, end] = self.marks;
        let find = |marked: Vec<Message>| -> Option<Vec<Range<usize>>> {
            // A template that refuses the conversation with these marks may accept other positions.
            locate(self.text, &self.tokenizer.render(&marked, self.rendering).ok()?, self.marks)
        };
        let mark = |content: &str, inner: Range<usize>| {
            let (before, after) = (&content[..inner.start], &content[inner.end..]);
            format!("{before}{start}{}{end}{after}", &content[inner])
        };

        let mut marked = self.messages.to_vec();
        for message in marked.iter_mut().filter(|message| message.role == Role::Assistant) {
            let text = text_of(message);
            *text = mark(text, 0..text.len());
        }
        if let Some(ranges) = find(marked).filter(|ranges| ranges.len() == self.answers().count()) {
            return Ok(ranges);
        }

        let ranges = self.answers().map(|number| {
            let content = text_of(&mut self.messages[number].clone()).clone();
            let found = candidates(&content).find_map(|inner| {
                let mut marked = self.messages.to_vec();
                *text_of(&mut marked[number]) = mark(&content, inner);
                find(marked).filter(|ranges| ranges.len() == 1)
            });
            found.and_then(|ranges| ranges.into_iter().next()).ok_or_else(|| Error::Conversation {
                problem: format!("message {number} cannot be found in what the template makes of it"),
            })
        });
        ranges.collect()
    }

    /// The answers whose messages are in these ranges, from the end of their prompts on.
    fn behind_prompts(&self, contents: Vec<Range<usize>>) -> Vec<Range<usize>> {
        let mut earlier = 0; // the end of the answer before
        let mut opening = String::new(); // the end of the latest prompt, from where the messages before it end
        let answers = self.answers().zip(contents);
        let begun = answers.map(|(number, content)| {
            let before = &self.text[earlier..content.start];
            if opening.is_empty() || !before.ends_with(&opening) {
                opening = self.opening(number).unwrap_or_default();
            }
            let start = match before.rfind(&opening).filter(|_| !opening.is_empty()) {
                Some(place) => earlier + place + opening.len(),
                None => self
                    .prompt_end(number)
                    .filter(|end| (earlier..content.start).contains(end))
                    .unwrap_or(content.start),
            };
            earlier = content.end;
            start..content.end
        });
        begun.collect()
    }

    /// What `add_generation_prompt` adds to the messages before this one.
    fn opening(&self, number: usize) -> Option<String> {
        let plain = self.tokenizer.render(&self.messages[..number], self.rendering).ok()?;
        Some(self.prompt(number)?.strip_prefix(&plain)?.to_owned())
    }

    /// The end of the prompt for this message, if the text begins with the prompt.
    fn prompt_end(&self, number: usize) -> Option<usize> {
        self.prompt(number).filter(|prompt| self.text.starts_with(prompt.as_str())).map(|prompt| prompt.len())
    }

    fn prompt(&self, number: usize) -> Option<String> {
        let rendering = Rendering { add_generation_prompt: true, ..self.rendering };
        // A template may refuse a conversation that begins with an answer.
        self.tokenizer.render(&self.messages[..number], rendering).ok()
    }

    /// The positions of the model's messages.
    fn answers(&self) -> impl Iterator<Item = usize> {
        (0..self.messages.len()).filter(|number| self.messages[*number].role == Role::Assistant)
    }
}

/// The text of an answer that is marked: what it says or, if that is nothing, the name of the first tool that it calls. The
/// template's text for the calls follows it, up to an end token.
fn text_of(message: &mut Message) -> &mut String {
    match message.tool_calls.first_mut() {
        Some(call) if message.content.trim().is_empty() => &mut call.name,
        _ => &mut message.content,
    }
}

/// The marked ranges, if the marks are paired and the text without them equals `text`.
fn locate(text: &str, marked: &str, [start, end]: [char; 2]) -> Option<Vec<Range<usize>>> {
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
