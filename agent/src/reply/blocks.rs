//! The code blocks of a reply.
//!
//! CommonMark's fences, and what models write in their place: a label, a list marker or a quote before the fence, a closing
//! fence on the code's own line or with words after it, a whole block on one line, a tag (`<execute>`), prompts of a Python
//! session. A fence that is never closed runs to the end of the text.

use super::{language, thinking};

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

/// A block of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it says of its language.
    pub kind: Kind,
    /// Its code, without fences, quotes, prompts and common indent.
    pub code: String,
    /// Whether its end is marked.
    pub closed: bool,
}

/// The blocks of a text, in order, empty ones included.
pub fn find(text: &str) -> Vec<Block> {
    parts(text).into_iter().filter_map(|part| part.block).collect()
}

/// What stands beside the code: words, and blocks in other languages. Unmarked blocks are code only where none is marked.
pub fn prose(text: &str) -> String {
    let parts = parts(text);
    let is_marked = |part: &Part<'_>| part.block.as_ref().is_some_and(|block| block.kind == Kind::Marked);
    let marked = parts.iter().any(is_marked);
    let is_code = |part: &Part<'_>| match part.block.as_ref().map(|block| block.kind) {
        Some(Kind::Marked) => true,
        Some(Kind::Unmarked) => !marked,
        Some(Kind::Other) | None => false,
    };
    let mut words = vec![String::new()];
    for part in &parts {
        match (is_code(part), words.last_mut()) {
            (false, Some(last)) => part.lines.iter().for_each(|line| *last += &format!("{line}\n")),
            _ => words.push(String::new()),
        }
    }
    let words = words.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    words.collect::<Vec<_>>().join("\n")
}

/// A block, or the words before, between and after blocks.
#[derive(Default)]
struct Part<'text> {
    /// The lines of the text that it is made of.
    lines: Vec<&'text str>,
    block: Option<Block>,
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut parts = Vec::new();
    let mut words = Part::default();
    let mut open: Option<Open<'_>> = None;
    for (number, &line) in lines.iter().enumerate() {
        let Some(block) = &mut open else {
            match Opening::of(line) {
                None => words.lines.push(line),
                Some(Opening::Whole(block)) => {
                    parts.push(std::mem::take(&mut words));
                    parts.push(Part { lines: vec![line], block: Some(block) });
                }
                Some(Opening::Begins(begun)) => {
                    parts.push(std::mem::take(&mut words));
                    open = Some(begun);
                }
            }
            continue;
        };
        let next = match block.end(line, &lines[number + 1..]) {
            End::Not => {
                block.push(line);
                continue;
            }
            End::Here => None,
            End::After(code) => {
                block.code.push(code);
                None
            }
            End::AndNext(next) => Some(next),
        };
        if next.is_none() {
            block.lines.push(line);
        }
        let ended = std::mem::replace(&mut open, next);
        parts.extend(ended.map(|block| block.into_parts(true)).into_iter().flatten());
    }
    match open {
        Some(block) => parts.extend(block.into_parts(false)),
        None => parts.push(words),
    }
    parts
}

/// What ends a block.
#[derive(Clone, Copy)]
enum Delimiter<'text> {
    Fence { character: char, length: usize },
    Tag(&'text str),
}

/// A block whose end has not been seen.
struct Open<'text> {
    delimiter: Delimiter<'text>,
    kind: Kind,
    /// Columns before the opening fence.
    indent: usize,
    /// Whether the block is in a block quote (`>` before each line).
    quoted: bool,
    lines: Vec<&'text str>,
    code: Vec<&'text str>,
}

/// How a line ends a block.
enum End<'text> {
    Not,
    /// The line is the end.
    Here,
    /// The end is on the line of this code.
    After(&'text str),
    /// The line begins another block; the end was left out.
    AndNext(Open<'text>),
}

impl<'text> Open<'text> {
    fn push(&mut self, line: &'text str) {
        self.lines.push(line);
        self.code.push(self.content(line));
    }

    /// A line without its quote marker.
    fn content(&self, line: &'text str) -> &'text str {
        if !self.quoted {
            return line;
        }
        let rest = line.trim_start();
        rest.strip_prefix('>').map_or(line, |rest| rest.strip_prefix(' ').unwrap_or(rest))
    }

    fn end(&self, line: &'text str, later: &[&str]) -> End<'text> {
        let content = self.content(line);
        match self.delimiter {
            Delimiter::Tag(tag) => match content.split_once(&format!("</{tag}>")) {
                Some((before, _)) if before.trim().is_empty() => End::Here,
                Some((before, _)) => End::After(before),
                None => End::Not,
            },
            Delimiter::Fence { character, length } => self.fence_end(content, later, character, length),
        }
    }

    fn fence_end(&self, content: &'text str, later: &[&str], character: char, length: usize) -> End<'text> {
        let line = visible(content);
        if let Some((_, words)) = fence(line, character, length) {
            let inline = character == '`' && words.contains('`');
            return match (inline, Opening::of(line)) {
                (true, _) => End::Not,
                (false, Some(Opening::Begins(next))) if language::is_name(words) => End::AndNext(next),
                _ => End::Here,
            };
        }
        // On the code's own line, unless a later line is the end.
        let text = content.trim_end();
        let run = character.to_string().repeat(length);
        let Some((code, after)) = text.rsplit_once(run.as_str()) else { return End::Not };
        let code = code.trim_end_matches(character);
        let ends = character == '`' && (after.is_empty() || after.starts_with('<') && after.ends_with('>'));
        let closed_later = later
            .iter()
            .find_map(|line| fence(visible(self.content_of(line)), character, length))
            .is_some_and(|(_, words)| words.is_empty());
        if ends && !code.contains(run.as_str()) && !closed_later { End::After(code) } else { End::Not }
    }

    fn content_of<'line>(&self, line: &'line str) -> &'line str {
        let rest = line.trim_start();
        if self.quoted { rest.strip_prefix('>').unwrap_or(line) } else { line }
    }

    /// The block; several where it is a tag around fences.
    fn into_parts(self, closed: bool) -> Vec<Part<'text>> {
        let mut code = self.code;
        if !closed {
            // What a model ends its turn with.
            while code.last().is_some_and(|line| is_end_token(line.trim())) {
                code.pop();
            }
        }
        let stripped: Vec<&str> = code.iter().map(|line| strip_indent(line, self.indent)).collect();
        let text = stripped.join("\n");
        let text = text.trim_start_matches(thinking::is_invisible);
        if matches!(self.delimiter, Delimiter::Tag(_)) {
            let inner = find(text);
            if !inner.is_empty() {
                let mut lines = self.lines;
                let part = |block| Part { lines: std::mem::take(&mut lines), block: Some(block) };
                return inner.into_iter().map(part).collect();
            }
        }
        let code = dedented(&without_prompts(text));
        vec![Part { lines: self.lines, block: Some(Block { kind: self.kind, code, closed }) }]
    }
}

/// What begins a block.
enum Opening<'text> {
    /// A block on one line.
    Whole(Block),
    /// A block that goes on.
    Begins(Open<'text>),
}

/// Tags that models put around code.
const TAGS: [&str; 8] = [
    "execute",
    "execute_python",
    "execute_ipython",
    "execute_code",
    "python",
    "ipython",
    "tool_code",
    "code",
];

impl<'text> Opening<'text> {
    fn of(line: &'text str) -> Option<Self> {
        let (indent, quoted, rest) = before_fence(line);
        let begins = |delimiter, kind| {
            Self::Begins(Open { delimiter, kind, indent, quoted, lines: vec![line], code: Vec::new() })
        };
        for character in ['`', '~'] {
            if let Some((length, words)) = fence(rest, character, 3) {
                return Self::of_fence(character, length, words, true, begins);
            }
        }
        if let Some(tag) = TAGS.into_iter().find(|tag| has_tag(rest, tag)) {
            return Self::of_tag(tag, &rest[tag.len() + 2..], begins);
        }
        // After a label; other backticks before it would make it inline code.
        let (label, _) = rest.split_once("```")?;
        if label.contains('`') {
            return None;
        }
        let (length, words) = fence(&rest[label.len()..], '`', 3)?;
        let bare = words.is_empty() && !label.trim_end().ends_with([':', '>']);
        if bare { None } else { Self::of_fence('`', length, words, false, begins) }
    }

    /// `alone`: nothing but markers stands before the fence.
    fn of_fence(
        character: char,
        length: usize,
        words: &'text str,
        alone: bool,
        begins: impl FnOnce(Delimiter<'text>, Kind) -> Self,
    ) -> Option<Self> {
        if character == '`' && words.contains('`') {
            return one_line(words, length, alone).map(Self::Whole);
        }
        let kind = match words {
            "" => Kind::Unmarked,
            words if language::is_python(words) => Kind::Marked,
            words if !alone || language::is_wrapper(words) || is_sentence(words) => return None,
            _ => Kind::Other,
        };
        Some(begins(Delimiter::Fence { character, length }, kind))
    }

    fn of_tag(
        tag: &'static str,
        rest: &'text str,
        begins: impl FnOnce(Delimiter<'text>, Kind) -> Self,
    ) -> Option<Self> {
        match rest.split_once(&format!("</{tag}>")) {
            Some((code, after)) if after.trim().is_empty() => {
                let block = Block { kind: Kind::Marked, code: dedented(code.trim()), closed: true };
                Some(Self::Whole(find(code).into_iter().next().unwrap_or(block)))
            }
            Some(_) => None, // in a sentence
            None => {
                let mut opening = begins(Delimiter::Tag(tag), Kind::Marked);
                if let Self::Begins(open) = &mut opening
                    && !rest.trim().is_empty()
                {
                    open.code.push(rest);
                }
                Some(opening)
            }
        }
    }
}

/// A whole block in the words after a fence: `python print(1)` and the closing fence. Without a language it must look like
/// code, and stand alone on its line: it could be inline code.
fn one_line(words: &str, length: usize, alone: bool) -> Option<Block> {
    let code = words.strip_suffix("`".repeat(length).as_str())?;
    if code.contains('`') {
        return None;
    }
    let (kind, code) = match code.split_once(char::is_whitespace) {
        Some((name, code)) if language::is_python(name) && !code.trim().is_empty() => (Kind::Marked, code),
        _ if alone && language::looks_like_python(code) => (Kind::Unmarked, code),
        _ => return None,
    };
    Some(Block { kind, code: code.trim().to_owned(), closed: true })
}

/// Columns before what follows the markers of lists, quotes and invisible characters; whether there is a quote marker; and
/// the rest of the line.
fn before_fence(line: &str) -> (usize, bool, &str) {
    let mut rest = visible(line);
    let mut quoted = false;
    loop {
        let item = ["- ", "* ", "+ "].iter().find_map(|marker| rest.strip_prefix(marker));
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let numbered = (digits.len() < rest.len())
            .then(|| digits.strip_prefix(". ").or(digits.strip_prefix(") ")))
            .flatten();
        let quote = rest.strip_prefix('>');
        quoted |= quote.is_some();
        match item.or(numbered).or(quote) {
            Some(after) => rest = visible(after),
            None => break,
        }
    }
    let before = &line[..line.len() - rest.len()];
    (if quoted { 0 } else { before.chars().count() }, quoted, rest)
}

/// A line without white space and invisible characters at its beginning.
fn visible(line: &str) -> &str {
    line.trim_start_matches(|c: char| c.is_whitespace() || thinking::is_invisible(c))
}

/// The length of the fence that a text begins with, at least `least`, and the words after it.
fn fence(text: &str, character: char, least: usize) -> Option<(usize, &str)> {
    let rest = text.trim_start_matches(character);
    let length = text.len() - rest.len();
    (length >= least)
        .then(|| (length, rest.trim_matches(|c: char| c.is_whitespace() || thinking::is_invisible(c))))
}

fn has_tag(text: &str, tag: &str) -> bool {
    text.strip_prefix('<').and_then(|text| text.strip_prefix(tag)).is_some_and(|text| text.starts_with('>'))
}

/// Whether words after a fence are a sentence: the fence closes what was not seen to open.
fn is_sentence(words: &str) -> bool {
    let ends = words.ends_with(['.', '!', '?', ':', '>']);
    words.contains(' ') && (ends || words.starts_with(char::is_uppercase)) || words.starts_with('<')
}

/// Tokens with which models end a turn or a block.
fn is_end_token(line: &str) -> bool {
    let is_special = line.starts_with("<|") && line.ends_with("|>");
    is_special || ["<end_code>", "</s>", "<end_of_turn>", "<end_action>"].contains(&line)
}

/// Removes at most `columns` of a line's indent.
fn strip_indent(line: &str, columns: usize) -> &str {
    let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
    &line[indent.min(columns)..]
}

/// A text without the indent that all its lines share.
fn dedented(text: &str) -> String {
    let filled = || text.lines().filter(|line| !line.trim().is_empty());
    let indent_of =
        |line: &'_ str| line[..line.len() - line.trim_start_matches([' ', '\t']).len()].to_owned();
    let Some(first) = filled().next().map(indent_of) else { return text.trim().to_owned() };
    let common = filled().map(indent_of).fold(first, |common, indent| {
        let same = common.bytes().zip(indent.bytes()).take_while(|(one, other)| one == other).count();
        common[..same].to_owned()
    });
    let lines =
        text.split('\n').map(|line| line.strip_prefix(common.as_str()).unwrap_or_else(|| line.trim_start()));
    lines.collect::<Vec<_>>().join("\n")
}

/// The input of a Python session; other texts as they are. Lines without a prompt are its output.
fn without_prompts(text: &str) -> String {
    let is_session = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .is_some_and(|line| line.trim_start().starts_with(">>>"));
    if !is_session {
        return text.to_owned();
    }
    let input = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let rest = line.strip_prefix(">>>").or_else(|| line.strip_prefix("..."))?;
        Some(rest.strip_prefix(' ').unwrap_or(rest))
    });
    input.collect::<Vec<_>>().join("\n")
}
