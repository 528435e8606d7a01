//! Incremental decoding: from tokens to text.

use std::sync::Arc;

use crate::Result;
use crate::tokenizer::Tokenizer;

/// The text of a growing answer, without special tokens. A character whose bytes are spread over several
/// tokens is returned once it is complete.
pub struct TextStream {
    tokenizer: Arc<Tokenizer>,
    /// The tokens of the previous piece, which may affect how the next ones are decoded, and the tokens
    /// since.
    window: Vec<i64>,
    /// Number of tokens of the previous piece.
    before: usize,
    /// Bytes of the window's text that were returned already.
    returned: usize,
}

/// The replacement character, for bytes that are not UTF-8, or not complete yet.
const UNKNOWN: char = '\u{fffd}';

/// Tokens that may wait for a character to be completed: a character has at most four bytes, a token at least
/// one.
const MOST_UNSETTLED: usize = 8;

impl TextStream {
    pub fn new(tokenizer: Arc<Tokenizer>) -> Self {
        Self { tokenizer, window: vec![], before: 0, returned: 0 }
    }

    /// Adds a token; returns the new text that later tokens cannot change.
    pub fn push(&mut self, id: i64) -> Result<String> {
        self.window.push(id);
        let text = self.tokenizer.decode(&self.window, true)?;
        // A replacement character at the end may still become another character, within a limit.
        let settled = !text.ends_with(UNKNOWN) || self.window.len() - self.before > MOST_UNSETTLED;
        let certain = if settled { &text } else { text.strip_suffix(UNKNOWN).unwrap_or(&text) };
        let new = certain.get(self.returned..).unwrap_or_default().to_owned();
        self.returned = self.returned.max(certain.len());
        if settled {
            self.window.drain(..self.before);
            self.before = self.window.len();
            self.returned = self.tokenizer.decode(&self.window, true)?.len();
        }
        Ok(new)
    }

    /// The remaining text, at the end of the answer.
    pub fn finish(&mut self) -> Result<String> {
        let text = self.tokenizer.decode(&self.window, true)?;
        Ok(text.get(self.returned..).unwrap_or_default().to_owned())
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

        // Cut within a character; bytes that are not UTF-8.
        let ids = tokenizer.encode("a🙂").unwrap();
        for broken in [&ids[..3], &[ids[1], ids[1], ids[2], ids[0], ids[4], ids[0]]] {
            let mut stream = TextStream::new(tokenizer.clone());
            let text: String = broken.iter().map(|id| stream.push(*id).unwrap()).collect();
            assert_eq!(text + &stream.finish().unwrap(), tokenizer.decode(broken, true).unwrap());
        }
    }
}
