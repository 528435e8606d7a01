//! What the guest prints, kept on the host up to a limit, so that a killed step keeps its output.

/// The guest's standard output.
#[derive(Clone, Default)]
pub struct Stdout {
    bytes: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl Stdout {
    /// Starts afresh with room for `limit` bytes.
    pub fn clear(&mut self, limit: usize) {
        *self = Stdout { limit, ..Stdout::default() };
    }

    /// Keeps what there is room for.
    pub fn write(&mut self, bytes: &[u8]) {
        let room = self.limit - self.bytes.len();
        self.truncated |= bytes.len() > room;
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// What was printed, and whether more was.
    pub fn take(&mut self) -> (String, bool) {
        let Stdout { mut bytes, limit, truncated } = std::mem::take(self);
        if truncated {
            bytes.truncate(whole_characters(&bytes));
        }
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        // What stands for a byte that is no text is longer than the byte.
        let too_long = text.len() > limit;
        text.truncate(text.floor_char_boundary(limit));
        (text, truncated || too_long)
    }
}

/// The length of a cut text without the character that the cut went through.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}
