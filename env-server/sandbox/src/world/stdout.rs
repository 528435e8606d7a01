//! The guest's standard output. It is collected on the host, so that a killed step keeps its output.

/// The standard output of the current step, up to a limit.
#[derive(Clone, Default)]
pub struct Stdout {
    bytes: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl Stdout {
    /// Empties it and sets its limit in bytes.
    pub fn clear(&mut self, limit: usize) {
        *self = Stdout { limit, ..Stdout::default() };
    }

    /// Appends bytes up to the limit and drops the rest.
    pub fn write(&mut self, bytes: &[u8]) {
        let room = self.limit - self.bytes.len();
        self.truncated |= bytes.len() > room;
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Takes the output as text, and whether any of it was dropped.
    pub fn take(&mut self) -> (String, bool) {
        let Stdout { mut bytes, limit, truncated } = std::mem::take(self);
        if truncated {
            bytes.truncate(complete_characters(&bytes));
        }
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        // The replacement of an invalid byte is longer than the byte.
        let too_long = text.len() > limit;
        text.truncate(text.floor_char_boundary(limit));
        (text, truncated || too_long)
    }
}

/// The length of a cut text without an incomplete last character.
fn complete_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}
