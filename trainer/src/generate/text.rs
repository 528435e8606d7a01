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

/// Tokens that may wait for a character to become whole: it has four bytes at most, and a token one at least.
const MOST_UNSETTLED: usize = 8;

impl TextStream {
    pub fn new(tokenizer: Arc<Tokenizer>) -> Self {
        Self { tokenizer, window: vec![], before: 0, given: 0 }
    }

    /// The text that is certain after one more token, and new.
    pub fn push(&mut self, id: i64) -> Result<String> {
        self.window.push(id);
        let text = self.tokenizer.decode(&self.window, true)?;
        // A last unknown character may become another, but not for ever; those before it stay.
        let settled = !text.ends_with(UNKNOWN) || self.window.len() - self.before > MOST_UNSETTLED;
        let certain = if settled { &text } else { text.strip_suffix(UNKNOWN).unwrap_or(&text) };
        let new = certain.get(self.given..).unwrap_or_default().to_owned();
        self.given = self.given.max(certain.len());
        if settled {
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

#[cfg(test)]
#[path = "../../tests/common/tokenizer.rs"]
mod files;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_come_whole_and_special_tokens_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        files::write(folder.path());
        let tokenizer = Arc::new(Tokenizer::read(folder.path()).unwrap());
        let text = "he said: für 3 € 🙂, \u{fffd}, ok";
        let mut ids = tokenizer.encode(text).unwrap();
        ids.insert(4, files::END);
        let mut stream = TextStream::new(tokenizer.clone());
        let pieces: Vec<String> = ids.iter().map(|id| stream.push(*id).unwrap()).collect();
        assert_eq!(pieces.concat() + &stream.finish().unwrap(), text);
        assert!(
            pieces.iter().any(|piece| piece == "🙂") && pieces.iter().any(|piece| piece == "ü"),
            "{pieces:?}"
        );

        // Cut in the middle of a character; bytes that are no character at all.
        let ids = tokenizer.encode("a🙂").unwrap();
        for broken in [&ids[..3], &[ids[1], ids[1], ids[2], ids[0], ids[4], ids[0]]] {
            let mut stream = TextStream::new(tokenizer.clone());
            let text: String = broken.iter().map(|id| stream.push(*id).unwrap()).collect();
            assert_eq!(text + &stream.finish().unwrap(), tokenizer.decode(broken, true).unwrap());
        }
    }
}
