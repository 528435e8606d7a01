//! Reads and writes texts, lists and records in the guest's memory. Their layout is the canonical ABI of the
//! component model (<https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md>):
//! little-endian 32-bit words; a text or a list is a pair of words, its address and its length.

use wasmtime::{AsContextMut, Memory, TypedFunc};

use crate::fuel::Tank;
use crate::state::State;

/// The guest gave an address outside its memory, or a malformed value. This is an error in the guest's own
/// code, or the agent's code broke it.
#[derive(Debug, thiserror::Error)]
#[error("the guest gave a malformed value or address")]
pub struct Malformed;

/// The size of an address. In a text or a list, the length follows it.
const POINTER_BYTES: u32 = 4;

/// Reads values in the guest's memory.
#[derive(Clone, Copy)]
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// The `length` bytes at an address.
    pub fn slice(self, at: u32, length: u32) -> Result<&'a [u8], Malformed> {
        let (at, length) = (at as usize, length as usize);
        self.0.get(at..).and_then(|rest| rest.get(..length)).ok_or(Malformed)
    }

    /// The byte at an address.
    pub fn byte(self, at: u32) -> Result<u8, Malformed> {
        self.0.get(at as usize).copied().ok_or(Malformed)
    }

    /// The word at an address.
    pub fn word(self, at: u32) -> Result<u32, Malformed> {
        let word = self.slice(at, 4)?.try_into().map_err(|_| Malformed)?;
        Ok(u32::from_le_bytes(word))
    }

    /// The bytes of the text or byte list that is stored at an address.
    pub fn bytes_at(self, at: u32) -> Result<&'a [u8], Malformed> {
        self.slice(self.word(at)?, self.word(at.wrapping_add(POINTER_BYTES))?)
    }

    /// The text that is stored at an address.
    pub fn text_at(self, at: u32) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes_at(at)?).map_err(|_| Malformed)
    }

    /// The first bytes of the text that is stored at an address: whole characters, at most `max_bytes` bytes.
    pub fn text_prefix_at(self, at: u32, max_bytes: usize) -> Result<&'a str, Malformed> {
        let bytes = self.bytes_at(at)?;
        let bytes = &bytes[..bytes.len().min(max_bytes)];
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            // The last character is incomplete.
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(&bytes[..error.valid_up_to()]).map_err(|_| Malformed)
            }
            Err(_) => Err(Malformed),
        }
    }

    /// The bytes of the optional text that is stored at an address.
    pub fn optional_bytes_at(self, at: u32) -> Result<Option<&'a [u8]>, Malformed> {
        match self.byte(at)? {
            0 => Ok(None),
            1 => self.bytes_at(at.wrapping_add(4)).map(Some),
            _ => Err(Malformed),
        }
    }

    /// The addresses of the elements of the list that is stored at an address.
    pub fn list_at(self, at: u32, element_bytes: u32) -> Result<impl Iterator<Item = u32> + 'a, Malformed> {
        self.list(self.word(at)?, self.word(at.wrapping_add(POINTER_BYTES))?, element_bytes)
    }

    /// The addresses of a list's elements, given the list's address and length.
    pub fn list(
        self,
        first: u32,
        count: u32,
        element_bytes: u32,
    ) -> Result<impl Iterator<Item = u32> + 'a, Malformed> {
        self.slice(first, count.checked_mul(element_bytes).ok_or(Malformed)?)?;
        Ok((0..count).map(move |index| first + index * element_bytes))
    }
}

/// The fuel for an allocation that the host requests, in addition to what the guest's allocator counts: the call
/// takes another engine stack.
const ALLOCATION_FUEL: u64 = 10_000;

/// The host's access to an instance.
#[derive(Clone)]
pub struct Access {
    pub memory: Memory,
    /// The guest's allocator: `(old address, old size, alignment, new size) -> address`.
    pub realloc: TypedFunc<(u32, u32, u32, u32), u32>,
    pub fuel: Tank,
}

impl Access {
    /// Allocates memory that the guest will own.
    pub async fn allocate(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        bytes: usize,
        alignment: u32,
    ) -> wasmtime::Result<u32> {
        let bytes = u32::try_from(bytes).map_err(|_| Malformed)?;
        self.fuel.charge(store, ALLOCATION_FUEL)?;
        // Only a broken guest calls the host from its allocator. Each nested call would take another engine
        // stack.
        if std::mem::replace(&mut store.as_context_mut().data_mut().allocating, true) {
            return Err(Malformed.into());
        }
        let address = self.realloc.call_async(&mut *store, (0, 0, alignment, bytes)).await;
        store.as_context_mut().data_mut().allocating = false;
        address
    }

    /// Writes bytes at an address.
    pub fn write(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        at: u32,
        bytes: &[u8],
    ) -> wasmtime::Result<()> {
        self.memory.write(store, at as usize, bytes).map_err(|_| Malformed.into())
    }

    /// Copies a text to newly allocated memory. Returns its address and length.
    pub async fn pass_text(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        text: &str,
    ) -> wasmtime::Result<(u32, u32)> {
        let at = self.allocate(store, text.len(), 1).await?;
        self.write(store, at, text.as_bytes())?;
        Ok((at, u32::try_from(text.len()).map_err(|_| Malformed)?))
    }

    /// Copies a record, or a list of records, to newly allocated memory. Returns its address.
    pub async fn pass_record(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        record: &Record,
    ) -> wasmtime::Result<u32> {
        let at = self.allocate(store, record.0.len(), 4).await?;
        self.write_record(store, at, record)?;
        Ok(at)
    }

    /// Writes a record at an address.
    pub fn write_record(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        at: u32,
        record: &Record,
    ) -> wasmtime::Result<()> {
        self.write(store, at, &record.0)
    }
}

/// Builds a record, word by word.
#[derive(Default)]
pub struct Record(Vec<u8>);

impl Record {
    /// Appends a word.
    pub fn word(mut self, word: u32) -> Record {
        self.0.extend_from_slice(&word.to_le_bytes());
        self
    }

    /// Appends an address and a length.
    pub fn pointer(self, (at, length): (u32, u32)) -> Record {
        self.word(at).word(length)
    }
}
