//! Fenced code blocks in a model's answer.
//!
//! The rules are CommonMark's, as far as models use them: a fence is at least three backticks or tildes,
//! indented by at most three spaces; it is closed by a fence of the same character, at least as long, with
//! nothing after it; a block that is never closed extends to the end of the text.

/// The Python blocks of an answer, in order: those marked `python` (also `py`, `python3`) and unmarked ones.
/// Blocks in other languages are prose.
pub fn python_blocks(text: &str) -> Vec<String> {
    parts(text).into_iter().filter(|part| part.is_python).map(|part| part.lines.join("\n")).collect()
}

/// The text of an answer without its Python blocks.
pub fn prose(text: &str) -> String {
    let parts = parts(text).into_iter().filter(|part| !part.is_python);
    let texts = parts.map(|part| part.lines.join("\n").trim().to_owned()).filter(|text| !text.is_empty());
    texts.collect::<Vec<_>>().join("\n")
}

/// An answer that consists of reasoning and one block of code.
pub fn answer(reasoning: &str, code: &str) -> String {
    format!("{reasoning}\n\n```python\n{}\n```", code.trim_end())
}

/// A Python block without its fences, or the prose before or after one.
#[derive(Default)]
struct Part<'text> {
    is_python: bool,
    lines: Vec<&'text str>,
}

/// The parts of an answer, in order.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut part = Part::default();
    let mut open: Option<Fence<'_>> = None;
    for line in text.lines() {
        let closes = open.as_ref().is_some_and(|fence| fence.is_closed_by(line));
        let begins = if open.is_none() { Fence::opening(line) } else { None };
        let begins_python = begins.as_ref().is_some_and(Fence::is_python);
        if begins_python || (closes && part.is_python) {
            let next = Part { is_python: begins_python, lines: Vec::new() };
            parts.push(std::mem::replace(&mut part, next));
        } else if let Some(fence) = open.as_ref().filter(|_| part.is_python) {
            part.lines.push(strip_indent(line, fence.indent));
        } else {
            part.lines.push(line);
        }
        open = if closes { None } else { open.or(begins) };
    }
    parts.push(part);
    parts
}

/// An opening fence.
struct Fence<'text> {
    character: char,
    length: usize,
    indent: usize,
    info: &'text str,
}

impl<'text> Fence<'text> {
    /// The fence that a line opens, if it opens one.
    fn opening(line: &'text str) -> Option<Self> {
        let (indent, character, length, info) = fence_line(line)?;
        // Backticks on the opening line after the fence make it inline code.
        let inline = character == '`' && info.contains('`');
        (!inline).then_some(Self { character, length, indent, info })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        fence_line(line).is_some_and(|(_, character, length, rest)| {
            character == self.character && length >= self.length && rest.is_empty()
        })
    }

    fn is_python(&self) -> bool {
        let language =
            self.info.split(|c: char| c.is_whitespace() || c == '{' || c == ',').next().unwrap_or("");
        ["", "python", "python3", "py"].iter().any(|name| name.eq_ignore_ascii_case(language))
    }
}

/// Indent, character, length and rest of a line that begins with a fence.
fn fence_line(line: &str) -> Option<(usize, char, usize, &str)> {
    let trimmed = line.trim_start_matches(' ');
    let indent = line.len() - trimmed.len();
    let character = trimmed.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = trimmed.trim_start_matches(character);
    let length = trimmed.len() - rest.len();
    (indent <= 3 && length >= 3).then(|| (indent, character, length, rest.trim()))
}

/// Removes from a line as much indent as its fence has.
fn strip_indent(line: &str, indent: usize) -> &str {
    let spaces = line.len() - line.trim_start_matches(' ').len();
    &line[spaces.min(indent)..]
}

#[cfg(test)]
mod tests {
    use super::{prose, python_blocks};

    #[test]
    fn prose_is_what_stands_around_the_blocks() {
        let cases = [
            ("Go.\n\n```python\nx = 1\n```\nSo.", "Go.\nSo."),
            ("```python\nx = 1\n```", ""),
            ("Just words.", "Just words."),
            ("First x = 1, then more.\n\n```python\nx = 1\n```", "First x = 1, then more."),
            ("I call finish() now.\n```py\nfinish()", "I call finish() now."),
            ("Data:\n```json\n{}\n```\n~~~\nx\n~~~", "Data:\n```json\n{}\n```"),
        ];
        for (text, expected) in cases {
            assert_eq!(prose(text), expected, "{text}");
        }
    }

    #[test]
    fn finds_what_a_model_meant_to_run() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("marked", "Look.\n```python\nx = 1\nprint(x)\n```\nDone.", &["x = 1\nprint(x)"]),
            ("unmarked", "```\nx = 1\n```", &["x = 1"]),
            ("short name", "```py\nx\n```", &["x"]),
            ("capital", "``` Python \nx\n```", &["x"]),
            ("attributes", "```python title=\"a\"\nx\n```", &["x"]),
            ("no block", "Just words.", &[]),
            ("inline code", "Use `x` and ```y``` here.", &[]),
            ("inline code at the line's start", "```y``` is short.", &[]),
            ("unclosed", "```python\nx = 1\nprint(x)", &["x = 1\nprint(x)"]),
            ("unclosed and empty", "```python", &[""]),
            ("tildes", "~~~python\nx\n~~~", &["x"]),
            ("tildes are not closed by backticks", "~~~\nx\n```\n~~~", &["x\n```"]),
            (
                "longer fence holds a shorter one",
                "````python\ns = '''\n```\n'''\n````",
                &["s = '''\n```\n'''"],
            ),
            ("closed by a longer fence", "```python\nx\n`````", &["x"]),
            ("backticks inside a line", "```python\ns = '```'\n```", &["s = '```'"]),
            ("fence with words after it does not close", "```python\nx\n``` no\n```", &["x\n``` no"]),
            ("carriage returns", "Go.\r\n```python\r\nx = 1\r\ny = 2\r\n```\r\n", &["x = 1\ny = 2"]),
            ("two blocks", "```python\na\n```\nand\n```python\nb\n```", &["a", "b"]),
            ("another language is prose", "```json\n{}\n```\n```python\na\n```", &["a"]),
            ("pythonic is not python", "```pythonic\na\n```", &[]),
            ("indented fence", "  ```python\n  if x:\n      y\n  ```", &["if x:\n    y"]),
            ("four spaces are not a fence", "    ```python\n    x\n    ```", &[]),
            ("empty block", "```python\n```", &[""]),
        ];
        for (name, text, expected) in cases {
            assert_eq!(python_blocks(text), *expected, "{name}");
        }
    }
}
