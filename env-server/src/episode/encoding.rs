//! How episodes are stored as bytes.

use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The bytes of what is stored; it has no value that the encoding refuses.
pub fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(value).unwrap_or_default()
}

/// Reverses [`encode`].
///
/// # Errors
/// Other bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    postcard::from_bytes(bytes).map_err(unreadable)
}

/// Reverses [`encode`] of what the bytes begin with; also returns the others.
///
/// # Errors
/// Other bytes.
pub fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), Error> {
    postcard::take_from_bytes(bytes).map_err(unreadable)
}

/// Why something that is stored can't be read.
pub fn unreadable(error: impl Display) -> Error {
    Error::Internal(format!("what is stored can't be read: {error}"))
}
