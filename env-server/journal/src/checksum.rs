//! The checksum of a row: CRC-32C of its table's name and its columns, keys included.

/// A checksum in the making. Each value is preceded by its length, so that no two rows give the same bytes.
pub(crate) struct Checksum(u32);

impl Checksum {
    /// Of a row of a table.
    pub fn of(table: &str) -> Self {
        Self(0).bytes(table.as_bytes())
    }

    pub fn bytes(self, bytes: &[u8]) -> Self {
        let length = crc32c::crc32c_append(self.0, &(bytes.len() as u64).to_le_bytes());
        Self(crc32c::crc32c_append(length, bytes))
    }

    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub fn number(self, number: u64) -> Self {
        Self(crc32c::crc32c_append(self.0, &number.to_le_bytes()))
    }

    /// A value that may be absent.
    pub fn optional<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        let present = self.number(u64::from(value.is_some()));
        match value {
            Some(value) => add(present, value),
            None => present,
        }
    }

    pub fn finish(self) -> i64 {
        i64::from(self.0)
    }
}
