//! What begins a block: a fence or a tag, after words or alone on its line.

use super::block::{Delimiter, Kind, Mark, Open};
use super::language;
use super::line::{Before, before_fence, fence, is_invisible, visible};
use super::source::Place;
use super::tag::Tag;
use super::turn;

/// The beginning of a block.
#[derive(Debug)]
pub struct Opening<'text> {
    /// Words before it on its line.
    pub before: &'text str,
    /// The block.
    pub block: Open<'text>,
    /// Code on its line.
    pub code: Option<&'text str>,
}

/// The block that a line begins.
pub fn of<'text>(line: &'text str, later: &str) -> Option<Opening<'text>> {
    let start = Start { later, before: before_fence(line) };
    let rest = start.before.rest;
    if let Some((length, words)) = fence(rest, '`', 3) {
        return start.of_fence('`', length, words, "");
    }
    // Too short, but nothing else than Python's name follows.
    if let Some((length, words)) = fence(rest, '`', 1)
        && language::is_python(words)
        && language::name(words) == words.trim()
        && !words.contains('`')
    {
        return start.of_fence('`', length, words, "");
    }
    if let Some((length, words)) = fence(rest, '~', 3) {
        return start.of_fence('~', length, words, "");
    }
    start.of_tag().or_else(|| start.of_labelled_fence())
}

/// A line that may begin a block.
struct Start<'text, 'later> {
    later: &'later str,
    before: Before<'text>,
}

impl<'text> Start<'text, '_> {
    /// A fence of `length` characters with `words` after it and a label before it.
    fn of_fence(
        &self,
        character: char,
        length: usize,
        words: &'text str,
        label: &'text str,
    ) -> Option<Opening<'text>> {
        let words = visible(words);
        let alone = label.is_empty();
        let name = language::name(words);
        let code = words[name.len()..].trim_start_matches(|c: char| c.is_whitespace() || c == ':');
        let is_python = language::is_python(words);
        if character == '`' && words.contains('`') {
            return self.of_one_line(length, words, label, is_python.then_some(code));
        }
        let (kind, mark, code) = match words.trim_end_matches(|c: char| c.is_whitespace() || is_invisible(c))
        {
            "" if alone || label.trim_end().ends_with([':', '>']) => (Kind::Unmarked, Mark::Plain, None),
            "" => (Kind::Unmarked, Mark::Doubtful, None),
            name if is_python && (looks_like_code(code) || !language::is_sentence(name)) => {
                let code = Some(code).filter(|code| looks_like_code(code));
                (Kind::Marked, if alone { Mark::Alone } else { Mark::Plain }, code)
            }
            name if !alone || language::is_wrapper(name) || language::is_sentence(name) => return None,
            code if language::looks_like_python(code) => (Kind::Unmarked, Mark::Plain, Some(words)),
            _ => (Kind::Other, Mark::Plain, None),
        };
        Some(self.opening(Delimiter::Fence(character, length), kind, mark, label, code))
    }

    /// A fence with another one after it on its line: a whole block, or code between backticks in a sentence. `code` is
    /// what stands after Python's name.
    fn of_one_line(
        &self,
        length: usize,
        words: &'text str,
        label: &'text str,
        code: Option<&'text str>,
    ) -> Option<Opening<'text>> {
        let text = code.unwrap_or(words);
        let (inner, after) = text.split_once("`".repeat(length).as_str())?;
        let after = after.trim_matches('`').trim();
        let ends_line = after.is_empty() || turn::starts_with_end(after);
        let alone = label.is_empty();
        let is_block = match code {
            Some(_) => !inner.trim().is_empty() && (alone || ends_line),
            None => alone && ends_line && language::looks_like_python(inner),
        };
        let kind = if code.is_some() { Kind::Marked } else { Kind::Unmarked };
        is_block.then(|| self.opening(Delimiter::Fence('`', length), kind, Mark::Plain, label, Some(text)))
    }

    /// A fence after words on its line. Other backticks before it would make it code in a sentence, unless it names
    /// Python at the line's end.
    fn of_labelled_fence(&self) -> Option<Opening<'text>> {
        let rest = self.before.rest;
        let first = rest.find("```")?;
        let label = &rest[..first];
        let (length, words) = fence(&rest[first..], '`', 3)?;
        if !label.contains('`')
            && let Some(opening) = self.of_fence('`', length, words, label)
        {
            return Some(opening);
        }
        let last = rest.rfind("```")?;
        let label = rest[..last].trim_end_matches('`');
        let (length, words) = fence(&rest[label.len()..], '`', 3)?;
        language::is_python(words.trim()).then(|| self.of_fence('`', length, words, label)).flatten()
    }

    /// A tag, at the line's beginning or after words.
    fn of_tag(&self) -> Option<Opening<'text>> {
        let rest = self.before.rest;
        let starts = rest.char_indices().filter(|(_, c)| matches!(c, '<' | '[')).map(|(start, _)| start);
        let (start, tag) = starts.filter_map(|start| Some((start, Tag::of(&rest[start..])?))).next()?;
        let (label, code) = (&rest[..start], &rest[start + tag.length..]);
        let alone = label.trim().is_empty();
        let is_quoted = label.ends_with(['`', '\'', '"']);
        // Words of HTML in a sentence.
        let after = tag.end.and_then(|end| Some(code.split_once(end.as_str())?.1));
        let in_sentence = tag.name == "code"
            && (after.is_some_and(|after| !after.trim().is_empty())
                || !alone && !label.trim_end().ends_with([':', '>']));
        if is_quoted || in_sentence {
            return None;
        }
        let (kind, mark) = match tag.is_action {
            true => (Kind::Unmarked, Mark::Doubtful),
            false => (Kind::Marked, if alone { Mark::Alone } else { Mark::Plain }),
        };
        let code = Some(code).filter(|code| !code.trim().is_empty());
        Some(self.opening(Delimiter::Tag, kind, mark, label, code))
    }

    fn opening(
        &self,
        delimiter: Delimiter,
        kind: Kind,
        mark: Mark,
        label: &'text str,
        code: Option<&'text str>,
    ) -> Opening<'text> {
        let Before { indent, is_quoted, rest } = self.before;
        // Code ends where the line does.
        let lines = vec![&rest[label.len()..rest.len() - code.map_or(0, str::len)]];
        // One line in a quote may be all that has the quote's mark.
        let is_quoted = is_quoted && code.is_none() && visible(self.later).starts_with('>');
        let indent = if is_quoted || !label.is_empty() { 0 } else { indent };
        let block = Open {
            delimiter,
            kind,
            mark,
            indent,
            is_quoted,
            lines,
            code: Vec::new(),
            place: Place::default(),
        };
        Opening { before: label, block, code }
    }
}

/// Whether what stands after Python's name is code, and not something that is said of the block.
fn looks_like_code(words: &str) -> bool {
    language::looks_like_python(words) && !language::is_attributes(words)
}
