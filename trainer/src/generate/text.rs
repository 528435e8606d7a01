//! From tokens to text as they come.

use std::sync::Arc;

use crate::Result;
use crate::tokenizer::Tokenizer;

/// The text of a growing answer, without special tokens. A character whose bytes are spread over tokens comes
/// when it is whole.
pub struct TextStream {
    tokenizer: Arc<Tokenizer>,
    /// The last tokens: those of the piece before, as how a token reads may hang on it, and those since.
    window: Vec<i64>,
    before: usize,
    /// Bytes of the window's text that were given out.
    given: usize,
}

/// What bytes that are not UTF-8, or not yet, decode to.
const UNKNOWN: char = '\u{fffd}';

impl TextStream {
    pub fn new(tokenizer: Arc<Tokenizer>) -> Self {
        Self { tokenizer, window: vec![], before: 0, given: 0 }
    }

    /// The text that is certain after one more token, and new.
    pub fn push(&mut self, id: i64) -> Result<String> {
        self.window.push(id);
        let text = self.tokenizer.decode(&self.window, true)?;
        // A last unknown character may become another; those before it stay.
        let certain = text.strip_suffix(UNKNOWN).unwrap_or(&text);
        let new = certain.get(self.given..).unwrap_or_default().to_owned();
        self.given = self.given.max(certain.len());
        if !text.ends_with(UNKNOWN) {
            self.window.drain(..self.before);
            self.before = self.window.len();
            self.given = self.tokenizer.decode(&self.window, true)?.len();
        }
        Ok(new)
    }

    /// What is left when no token follows.
    pub fn finish(&mut self) -> Result<String> {
        let text = self.tokenizer.decode(&self.window, true)?;
        Ok(text.get(self.given..).unwrap_or_default().to_owned())
    }
}
