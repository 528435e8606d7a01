//! A reply as a sequence of words, thoughts and blocks.

use super::block::{Block, Open, Reading};
use super::opening;
use super::thoughts;
use super::turn;

/// A piece of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'text> {
    /// Its text, fences and marks included: lines, or pieces of them.
    pub lines: Vec<&'text str>,
    /// Whether its end is marked.
    pub closed: bool,
    /// What it is.
    pub content: Content,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Words before, between and after blocks.
    Words,
    /// What a reasoning model writes before it answers.
    Thoughts,
    /// A block of code or data.
    Block(Block),
}

/// The parts of a reply, in order, up to the end of the model's turn.
pub fn of(text: &str) -> Vec<Part<'_>> {
    let mut reader = Reader { parts: Vec::new(), state: State::Words(Vec::new()), is_over: false };
    let mut later = text;
    while !later.is_empty() && !reader.is_over {
        let (line, rest) = later.split_once('\n').unwrap_or((later, ""));
        later = rest;
        let mut piece = Some(line.strip_suffix('\r').unwrap_or(line));
        // One line may end a part and begin another.
        while let Some(text) = piece {
            piece = reader.read(text, later);
        }
    }
    reader.flush(false);
    reader.parts
}

struct Reader<'text> {
    parts: Vec<Part<'text>>,
    state: State<'text>,
    /// The model's turn is over.
    is_over: bool,
}

/// The part that is being read.
enum State<'text> {
    Words(Vec<&'text str>),
    /// Thoughts, up to a mark.
    Thoughts(&'static str, Vec<&'text str>),
    Block(Open<'text>),
}

impl<'text> Reader<'text> {
    /// Reads a line, or what is left of it; returns what is left then.
    fn read(&mut self, line: &'text str, later: &'text str) -> Option<&'text str> {
        match &mut self.state {
            State::Words(_) => self.read_words(line, later),
            State::Thoughts(end, lines) => match thoughts::find(line, end) {
                Some(start) => {
                    let (thought, after) = line.split_at(start + end.len());
                    lines.push(thought);
                    self.flush(true);
                    some(after)
                }
                None => {
                    lines.push(line);
                    None
                }
            },
            State::Block(block) => match block.read(line, later) {
                Reading::Goes => None,
                Reading::Ends(after) => {
                    self.flush(true);
                    some(after)
                }
                Reading::EndsBefore => {
                    self.flush(false);
                    Some(line)
                }
                Reading::EndsThoughts(after) => {
                    if self.has_thoughts() {
                        self.flush(true)
                    } else {
                        self.forget(line)
                    }
                    some(after)
                }
            },
        }
    }

    fn read_words(&mut self, line: &'text str, later: &'text str) -> Option<&'text str> {
        if let Some((before, after, end)) = thoughts::beginning(line, later) {
            self.push(before);
            self.flush(true);
            self.state = State::Thoughts(end, vec![&line[before.len()..line.len() - after.len()]]);
            return some(after);
        }
        if let Some(after) = thoughts::unopened_end(line)
            && !self.has_thoughts()
        {
            self.forget(line);
            return some(after);
        }
        if let Some(opening) = opening::of(line, later) {
            self.push(opening.before);
            self.flush(true);
            self.state = State::Block(opening.block);
            return opening.code;
        }
        let end = turn::before_end(line);
        self.push(end.unwrap_or(line));
        // At the beginning it ends the turn before this one.
        self.is_over = end.is_some() && !self.is_blank();
        None
    }

    /// Adds a piece to the words.
    fn push(&mut self, text: &'text str) {
        if let State::Words(lines) = &mut self.state
            && !text.is_empty()
        {
            lines.push(text);
        }
    }

    /// Takes the part that is being read as complete; words follow.
    fn flush(&mut self, closed: bool) {
        let part = match std::mem::replace(&mut self.state, State::Words(Vec::new())) {
            State::Words(lines) if lines.is_empty() => return,
            State::Words(lines) => Part { lines, closed, content: Content::Words },
            State::Thoughts(_, lines) => Part { lines, closed, content: Content::Thoughts },
            State::Block(mut open) => {
                let lines = std::mem::take(&mut open.lines);
                Part { lines, closed, content: Content::Block(open.into_block(closed)) }
            }
        };
        self.parts.push(part);
    }

    /// Takes everything up to and with a line as thoughts that the prompt began.
    fn forget(&mut self, line: &'text str) {
        self.flush(true);
        let mut lines: Vec<&str> = self.parts.drain(..).flat_map(|part| part.lines).collect();
        lines.push(line);
        self.parts.push(Part { lines, closed: true, content: Content::Thoughts });
    }

    fn has_thoughts(&self) -> bool {
        self.parts.iter().any(|part| part.content == Content::Thoughts)
    }

    fn is_blank(&self) -> bool {
        let State::Words(lines) = &self.state else { return false };
        self.parts.is_empty() && lines.iter().all(|line| line.trim().is_empty())
    }
}

/// What is left of a line, if there is something.
fn some(text: &str) -> Option<&str> {
    (!text.trim().is_empty()).then_some(text)
}
