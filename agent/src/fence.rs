//! Finding fenced code blocks in a model's answer.
//!
//! CommonMark's rules as far as models write them: a fence is at least three
//! backticks or tildes, indented at most three spaces; it is closed by a fence
//! of the same character, at least as long, with nothing after it; a block that
//! is never closed runs to the end of the text.

/// The Python blocks of an answer, in order: those marked `python` (also `py`,
/// `python3`) and those not marked at all. Blocks in other languages are prose.
pub fn python_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(Fence<'_>, Vec<&str>)> = None;
    for line in text.lines() {
        match &mut open {
            Some((fence, lines)) => {
                if fence.is_closed_by(line) {
                    finish(&mut blocks, open.take());
                } else {
                    lines.push(strip_indent(line, fence.indent));
                }
            }
            None => open = Fence::opening(line).map(|fence| (fence, Vec::new())),
        }
    }
    finish(&mut blocks, open);
    blocks
}

/// Keeps a finished block if it is Python.
fn finish(blocks: &mut Vec<String>, block: Option<(Fence<'_>, Vec<&str>)>) {
    if let Some((fence, lines)) = block
        && fence.is_python()
    {
        blocks.push(lines.join("\n"));
    }
}

/// An opening fence.
struct Fence<'text> {
    character: char,
    length: usize,
    indent: usize,
    info: &'text str,
}

impl<'text> Fence<'text> {
    /// The fence that a line opens, if it does.
    fn opening(line: &'text str) -> Option<Self> {
        let (indent, character, length, info) = split(line)?;
        // Backticks on the opening line after the fence make it inline code.
        let inline = character == '`' && info.contains('`');
        (!inline).then_some(Self { character, length, indent, info })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        split(line).is_some_and(|(_, character, length, rest)| {
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
fn split(line: &str) -> Option<(usize, char, usize, &str)> {
    let trimmed = line.trim_start_matches(' ');
    let indent = line.len() - trimmed.len();
    let character = trimmed.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = trimmed.trim_start_matches(character);
    let length = trimmed.len() - rest.len();
    (indent <= 3 && length >= 3).then(|| (indent, character, length, rest.trim()))
}

/// Removes as much of a line's indent as its fence had.
fn strip_indent(line: &str, indent: usize) -> &str {
    let spaces = line.len() - line.trim_start_matches(' ').len();
    &line[spaces.min(indent)..]
}

#[cfg(test)]
mod tests {
    use super::python_blocks;

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
