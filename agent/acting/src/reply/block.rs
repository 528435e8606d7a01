//! A block that is being read, its end, and its code.

use super::language;
use super::line::{before_fence, fence, is_invisible, visible};
use super::source::{self, Place, Position};
use super::tag;
use super::thoughts;
use super::turn;

/// What a block says of its language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Python.
    Marked,
    /// Nothing.
    Unmarked,
    /// Another language.
    Other,
}

/// A block of code or data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it says of its language.
    pub kind: Kind,
    /// Its code, without fences, quotes, prompts and common indent.
    pub code: String,
    /// Whether it is plainly a block of code by its marks. Otherwise it is one only if it looks like Python: a stray fence
    /// may stand before words.
    pub is_plain: bool,
}

impl Block {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.code.chars().all(|c| c.is_whitespace() || is_invisible(c))
    }
}

/// What ends a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// At least as many of the character.
    Fence(char, usize),
    /// A closing tag.
    Tag,
}

/// How plainly something begins a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Alone on its line, with Python's name: the end may be left out.
    Alone,
    /// Otherwise, if there is an end.
    Plain,
    /// It may be something else.
    Doubtful,
}

/// A block whose end has not been read.
#[derive(Clone, Debug)]
pub struct Open<'text> {
    /// What ends it.
    pub delimiter: Delimiter,
    /// What it says of its language.
    pub kind: Kind,
    /// How plainly it begins.
    pub mark: Mark,
    /// Columns before what begins it.
    pub indent: usize,
    /// Whether it is in a block quote, with `>` before each line.
    pub is_quoted: bool,
    /// Its text as it stands.
    pub lines: Vec<&'text str>,
    /// Its lines without the quote's marks.
    pub code: Vec<&'text str>,
    /// Where Python is at the end of the lines so far.
    pub place: Place,
}

/// What a line is to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading<'text> {
    /// A part of it.
    Goes,
    /// Its end. The text stands after it.
    Ends(&'text str),
    /// Its end was left out before this line.
    EndsBefore,
    /// The end of thoughts, of which the block is a part unless they ended before it. The text stands after it.
    EndsThoughts(&'text str),
}

impl<'text> Open<'text> {
    /// Reads a line, or the rest of the line on which the block begins.
    pub fn read(&mut self, line: &'text str, later: &str) -> Reading<'text> {
        let content = match self.is_quoted {
            false => line,
            true => match visible(line).strip_prefix('>') {
                Some(content) => content.strip_prefix(' ').unwrap_or(content),
                None => return Reading::EndsBefore,
            },
        };
        if self.is_tag_around_fence(content) {
            return Reading::EndsBefore;
        }
        match self.delimiter {
            Delimiter::Fence(character, length) if self.kind == Kind::Other => {
                self.read_plainly(line, content, character, length)
            }
            _ => self.read_python(line, content, later),
        }
    }

    fn push(&mut self, line: &'text str, content: &'text str) {
        self.lines.push(line);
        self.code.push(content);
    }

    /// Whether only the tag stands before a fence: then the fence is the block's.
    fn is_tag_around_fence(&self, content: &str) -> bool {
        self.delimiter == Delimiter::Tag
            && self.code.iter().all(|line| line.trim().is_empty())
            && fence(before_fence(content).rest, '`', 3).is_some()
    }

    /// A block whose lines may be anything.
    fn read_plainly(
        &mut self,
        line: &'text str,
        content: &'text str,
        character: char,
        length: usize,
    ) -> Reading<'text> {
        match fence(visible(content), character, length) {
            Some((_, words)) if language::is_python(words.trim()) => Reading::EndsBefore,
            Some((_, words)) if character != '`' || !words.contains('`') => {
                self.lines.push(&line[..line.len() - words.len()]);
                Reading::Ends(words)
            }
            _ => {
                self.push(line, content);
                Reading::Goes
            }
        }
    }

    /// A block whose lines are Python: what can't be Python ends it.
    fn read_python(&mut self, line: &'text str, content: &'text str, later: &str) -> Reading<'text> {
        let (place, end) =
            self.place.walk(content, |position, index| self.is_end(content, position, index, later));
        self.place = place;
        let Some(index) = end else {
            self.push(line, content);
            return Reading::Goes;
        };
        let (before, rest) = content.split_at(index);
        let is_first = visible(before).is_empty();
        if let Some(mark) = thoughts::end_at(rest) {
            return Reading::EndsThoughts(&rest[mark.len()..]);
        }
        let words = rest.trim_start_matches(['`', '~']);
        if is_first && words.len() < rest.len() && language::is_name(words.trim()) {
            return Reading::EndsBefore;
        }
        let after = match tag::end(rest) {
            Some(length) => &rest[length..],
            None => words,
        };
        if !is_first {
            self.code.push(before.trim_end());
        }
        self.lines.push(&line[..line.len() - after.len()]);
        Reading::Ends(after)
    }

    /// Whether a line's code ends at an index.
    fn is_end(&self, content: &str, position: Position, index: usize, later: &str) -> bool {
        let (before, rest) = content.split_at(index);
        if !rest.starts_with(['`', '~', '<', '[', '◁']) {
            return false;
        }
        let run = rest.len() - rest.trim_start_matches('`').len();
        let least = if let Delimiter::Fence('`', length) = self.delimiter { length } else { 3 };
        let is_fence = run >= least && !before.ends_with('`');
        let is_first = visible(before).is_empty();
        // A fence that is too short, or of tildes, which are operators elsewhere.
        let is_all = |c: char| rest.trim_end().chars().all(|other| other == c);
        let tildes = rest.len() - rest.trim_start_matches('~').len();
        let is_opened_by_tildes = matches!(self.delimiter, Delimiter::Fence('~', _));
        let is_line = is_first && (is_all('`') || tildes >= 3 && (is_all('~') || is_opened_by_tildes));
        match position {
            Position::Code => {
                is_fence
                    || is_line
                    || tag::end(rest).is_some()
                    || turn::starts_with_end(rest)
                    || thoughts::end_at(rest).is_some()
            }
            // A fence in a text, unless the text was never meant to go on.
            Position::Text(quotes) => {
                let in_line = rest.split_once(quotes).map(|(_, after)| [after, later]);
                let follows = in_line.or_else(|| later.split_once(quotes).map(|(_, after)| [after, ""]));
                let ends_after =
                    |end: &str| follows.is_some_and(|texts| texts.iter().any(|text| text.contains(end)));
                let is_tag = self.delimiter == Delimiter::Tag && tag::end(rest).is_some();
                let end = if is_opened_by_tildes { "~~~" } else { "```" };
                is_first && ((is_fence || is_line) && !ends_after(end) || is_tag && !ends_after("</"))
            }
            // At the end of a comment, unless a later line is the end.
            Position::Comment | Position::String => {
                is_fence && run == rest.trim_end().len() && !is_closed_later(later, least)
            }
        }
    }

    /// The block, complete.
    pub fn into_block(self, closed: bool) -> Block {
        let code: Vec<&str> =
            self.code.iter().map(|line| source::without_indent(line, self.indent)).collect();
        let text = code.join("\n");
        let text = text.trim_start_matches(is_invisible);
        let code = source::dedented(&source::without_prompts(text));
        let is_plain = match self.mark {
            Mark::Alone => true,
            Mark::Plain => closed,
            Mark::Doubtful => false,
        };
        Block { kind: self.kind, code, is_plain }
    }
}

/// Whether the first fence of the later lines is a closing one.
fn is_closed_later(later: &str, least: usize) -> bool {
    let first = later.lines().find_map(|line| fence(visible(line), '`', least));
    first.is_some_and(|(_, words)| words.trim().is_empty())
}
