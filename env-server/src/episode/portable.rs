//! An episode as bytes, which go on on another server.
//!
//! The bytes are a magic, the format's version, the CRC-32C of the rest, and the rest: [`Portable`] in postcard's encoding. They
//! hold the task's hidden data.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::encoding::{decode, encode};
use super::spec::Spec;
use crate::error::Violation;

const MAGIC: [u8; 8] = *b"GYM-EPIS";
const VERSION: u8 = 1;
const PREFIX_BYTES: usize = MAGIC.len() + 1 + size_of::<u32>();

/// An episode that goes on elsewhere.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Portable {
    /// The interpreter that its steps ran on: SHA-256, in hexadecimal.
    pub interpreter: String,
    /// Its definition.
    pub spec: Spec,
    /// When it was created.
    pub created_at: SystemTime,
    /// Its task file, as JSON text.
    pub task: String,
    /// Its steps, as the store keeps them.
    pub steps: Vec<Vec<u8>>,
    /// The stored snapshot of its interpreter, if there is one.
    pub snapshot: Option<Snapshot>,
}

/// A stored snapshot.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The index of the first step that is not in it.
    pub before: u64,
    /// Its file.
    pub file: Vec<u8>,
}

impl Portable {
    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let rest = encode(self);
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + rest.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&crc32c::crc32c(&rest).to_le_bytes());
        bytes.extend(rest);
        bytes
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// A violation of `episode`: they are no episode, of another version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Violation> {
        let violation = |rule: String| Violation::new("episode", rule);
        let rest =
            bytes.strip_prefix(&MAGIC).ok_or_else(|| violation("is no exported episode".to_owned()))?;
        let (version, rest) = rest.split_first().ok_or_else(|| violation("is cut off".to_owned()))?;
        if *version != VERSION {
            let rule = format!("has version {version} of the format; this server reads version {VERSION}");
            return Err(violation(rule));
        }
        let (crc, rest) = rest.split_first_chunk().ok_or_else(|| violation("is cut off".to_owned()))?;
        if u32::from_le_bytes(*crc) != crc32c::crc32c(rest) {
            return Err(violation("is damaged: its checksum is wrong".to_owned()));
        }
        decode(rest).map_err(|error| violation(error.to_string()))
    }
}
