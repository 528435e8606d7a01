//! A sample as readable text.

use crate::Result;
use crate::dataset::Sample;
use crate::tokenizer::Tokenizer;

/// How text without loss is marked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// Dimmed, for terminals.
    Dim,
    /// Between [`OPEN`] and [`CLOSE`].
    Brackets,
}

/// Begins text without loss.
pub const OPEN: &str = "⟦";
/// Ends text without loss.
pub const CLOSE: &str = "⟧";

impl Style {
    fn no_loss(self, text: &str) -> String {
        match self {
            Self::Dim => format!("\u{1b}[2m{text}\u{1b}[0m"),
            Self::Brackets => format!("{OPEN}{text}{CLOSE}"),
        }
    }
}

/// The text of a sample, including special tokens.
///
/// # Errors
/// If the tokenizer does not know a token.
pub fn text(sample: Sample<'_>, tokenizer: &Tokenizer, style: Style) -> Result<String> {
    let mut text = String::new();
    let mut start = 0;
    for run in sample.targets.chunk_by(|a, b| a == b) {
        let part = tokenizer.decode(&sample.tokens[start..start + run.len()], false)?;
        text += &if run[0] { part } else { style.no_loss(&part) };
        start += run.len();
    }
    Ok(text)
}

/// The tokens of a sample, one per line: position, id, text.
///
/// # Errors
/// If the tokenizer does not know a token.
pub fn tokens(sample: Sample<'_>, tokenizer: &Tokenizer, style: Style) -> Result<String> {
    let mut lines = String::new();
    for (position, (id, target)) in sample.tokens.iter().zip(sample.targets).enumerate() {
        let line = format!("{position:>6} {id:>7}  {:?}", tokenizer.decode(&[*id], false)?);
        lines += &if *target { line } else { style.no_loss(&line) };
        lines.push('\n');
    }
    Ok(lines)
}
