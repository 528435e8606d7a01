//! The sources of blocks: files, a pipe, or a terminal.

use std::io::{self, IsTerminal as _, Lines, StdinLock};
use std::path::PathBuf;
use std::{fs, vec};

use anyhow::Context as _;

/// The line that separates two blocks in a pipe.
const MARK: &str = "# ---";

/// A block of code and its name.
pub struct Block {
    pub name: String,
    pub code: String,
}

/// The blocks, in order.
pub enum Blocks {
    /// They have been read.
    Read(vec::IntoIter<Block>),
    /// They are typed at a terminal.
    Typed { lines: Lines<StdinLock<'static>>, count: usize },
}

impl Blocks {
    /// Reads the files, or without any standard input. At a terminal the blocks are read later, one by one.
    pub fn open(files: &[PathBuf]) -> anyhow::Result<Blocks> {
        let mut blocks = Vec::new();
        for file in files {
            let name = file.display().to_string();
            let code = fs::read_to_string(file).with_context(|| format!("reading {name}"))?;
            blocks.push(Block { name, code });
        }
        if files.is_empty() {
            let input = io::stdin();
            if input.is_terminal() {
                return Ok(Blocks::Typed { lines: input.lines(), count: 0 });
            }
            let text = io::read_to_string(input).context("reading standard input")?;
            blocks = (1..).map(numbered).zip(split(&text)).map(|(name, code)| Block { name, code }).collect();
        }
        Ok(Blocks::Read(blocks.into_iter()))
    }

    /// Whether they are typed at a terminal.
    pub fn are_typed(&self) -> bool {
        matches!(self, Blocks::Typed { .. })
    }
}

impl Iterator for Blocks {
    type Item = anyhow::Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Blocks::Read(blocks) => blocks.next().map(Ok),
            Blocks::Typed { lines, count } => {
                let code = typed(lines, |prompt| eprint!("{prompt}")).context("reading standard input");
                *count += 1;
                code.map(|code| Some(Block { name: numbered(*count), code: code? })).transpose()
            }
        }
    }
}

fn numbered(number: usize) -> String {
    format!("block {number}")
}

/// The blocks of a text; one if it has no separator.
fn split(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.split(|line| line.lines().eq([MARK])).map(<[&str]>::concat).collect()
}

/// The next typed block: the lines up to an empty one. `None` at the end of the input.
fn typed(
    lines: &mut impl Iterator<Item = io::Result<String>>,
    prompt: impl Fn(&str),
) -> io::Result<Option<String>> {
    let mut code = String::new();
    loop {
        prompt(if code.is_empty() { ">>> " } else { "... " });
        let Some(line) = lines.next().transpose()? else {
            prompt("\n");
            return Ok(Some(code).filter(|code| !code.is_empty()));
        };
        if !line.trim().is_empty() {
            code.push_str(&line);
            code.push('\n');
        } else if !code.is_empty() {
            return Ok(Some(code));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_text_is_split_where_a_line_is_the_mark_and_nothing_else() {
        let cases: [(&str, &[&str]); 5] = [
            ("", &[""]),
            ("a\n\nb", &["a\n\nb"]),
            ("a\n# ---\nb\n", &["a\n", "b\n"]),
            ("a\r\n# ---\r\n# ---\nb", &["a\r\n", "", "b"]),
            ("# --- a\n # ---\n\"# ---\"\n# ----\n", &["# --- a\n # ---\n\"# ---\"\n# ----\n"]),
        ];
        for (text, blocks) in cases {
            assert_eq!(split(text), blocks, "{text:?}");
        }
    }

    #[test]
    fn what_is_typed_ends_at_an_empty_line_and_at_the_end() {
        let prompts = RefCell::new(String::new());
        let mut lines =
            ["", "x = 1", "", "", "if x:", "    y", " ", "z"].map(|line| Ok(line.to_owned())).into_iter();
        let mut next = || typed(&mut lines, |prompt| prompts.borrow_mut().push_str(prompt)).unwrap();
        assert_eq!(next().unwrap(), "x = 1\n");
        assert_eq!(*prompts.borrow(), ">>> >>> ... ");
        assert_eq!(next().unwrap(), "if x:\n    y\n");
        assert_eq!(next().unwrap(), "z\n", "what is there at the end is a block too");
        assert_eq!(next(), None);
    }
}
