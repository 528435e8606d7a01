//! A standard stream of the guest. It is collected on the host, so that a killed step keeps what it wrote.

/// What the current step wrote to a stream, up to a limit.
#[derive(Clone, Default)]
pub struct Captured {
    bytes: Vec<u8>,
    limit: usize,
    left_out: u64,
}

impl Captured {
    /// Empties it and sets its limit in bytes.
    pub fn clear(&mut self, limit: usize) {
        *self = Captured { limit, ..Captured::default() };
    }

    /// Appends bytes up to the limit and counts the rest.
    pub fn write(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(self.limit - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..kept]);
        self.left_out += (bytes.len() - kept) as u64;
    }

    /// Takes what was written, as text, and the number of bytes that were left out. No character is cut.
    pub fn take(&mut self) -> (String, u64) {
        let Captured { mut bytes, limit, mut left_out } = std::mem::take(self);
        if left_out > 0 {
            let complete = complete_characters(&bytes);
            left_out += (bytes.len() - complete) as u64;
            bytes.truncate(complete);
        }
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        // The replacement of an invalid byte is longer than the byte.
        let kept = text.floor_char_boundary(limit);
        left_out += (text.len() - kept) as u64;
        text.truncate(kept);
        (text, left_out)
    }
}

/// The length of a cut text without an incomplete last character.
fn complete_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_left_out_and_those_kept_are_all_bytes() {
        for (written, limit, kept) in [
            ("", 0, ""),
            ("abc", 0, ""),
            ("abc", 3, "abc"),
            ("abcd", 3, "abc"),
            ("a\u{e9}\u{e9}\n", 4, "a\u{e9}"),
            ("\u{1f40d}\u{1f40d}", 7, "\u{1f40d}"),
            ("\u{1f40d}", 3, ""),
        ] {
            for piece in 1..4 {
                let mut captured = Captured::default();
                captured.clear(limit);
                written.as_bytes().chunks(piece).for_each(|bytes| captured.write(bytes));
                assert_eq!(captured.take(), (kept.to_owned(), (written.len() - kept.len()) as u64));
            }
        }
    }

    #[test]
    fn invalid_bytes_count_as_their_replacements() {
        let mut captured = Captured::default();
        captured.clear(7);
        captured.write(b"\xff\xff\xff");
        assert_eq!(captured.take(), ("\u{fffd}\u{fffd}".to_owned(), 3));
    }
}
