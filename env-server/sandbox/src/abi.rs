//! Text and records in the guest's memory, laid out by the canonical ABI of the component model
//! (<https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md>).

use wasmtime::{AsContextMut, Memory, TypedFunc};

use crate::fuel::Tank;
use crate::state::State;

/// The guest pointed at what is not in its memory, or is not what it should be. Its own code is at fault, or the
/// agent's code broke it.
#[derive(Debug, thiserror::Error)]
#[error("the guest gave what cannot be read")]
pub struct Malformed;

/// Bytes of a place, which a length follows.
const POINTER_BYTES: u32 = 4;

/// The guest's memory, to be read.
#[derive(Clone, Copy)]
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// So many bytes from a place on.
    pub fn slice(self, at: u32, length: u32) -> Result<&'a [u8], Malformed> {
        let (at, length) = (at as usize, length as usize);
        self.0.get(at..).and_then(|rest| rest.get(..length)).ok_or(Malformed)
    }

    /// The byte at a place.
    pub fn byte(self, at: u32) -> Result<u8, Malformed> {
        self.0.get(at as usize).copied().ok_or(Malformed)
    }

    /// The word at a place.
    pub fn word(self, at: u32) -> Result<u32, Malformed> {
        let word = self.slice(at, 4)?.try_into().map_err(|_| Malformed)?;
        Ok(u32::from_le_bytes(word))
    }

    /// The bytes whose place and length are at a place.
    pub fn bytes_at(self, at: u32) -> Result<&'a [u8], Malformed> {
        self.slice(self.word(at)?, self.word(at.wrapping_add(POINTER_BYTES))?)
    }

    /// The text whose place and length are at a place.
    pub fn text_at(self, at: u32) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes_at(at)?).map_err(|_| Malformed)
    }

    /// Its beginning: so many bytes at most.
    pub fn beginning_at(self, at: u32, most_bytes: usize) -> Result<&'a str, Malformed> {
        let bytes = self.bytes_at(at)?;
        let bytes = &bytes[..bytes.len().min(most_bytes)];
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            // The cut went through a character.
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(&bytes[..error.valid_up_to()]).map_err(|_| Malformed)
            }
            Err(_) => Err(Malformed),
        }
    }

    /// The bytes that may be at a place.
    pub fn optional_bytes_at(self, at: u32) -> Result<Option<&'a [u8]>, Malformed> {
        match self.byte(at)? {
            0 => Ok(None),
            1 => self.bytes_at(at.wrapping_add(4)).map(Some),
            _ => Err(Malformed),
        }
    }

    /// The places of a list's elements, whose place and number are at a place.
    pub fn list_at(self, at: u32, element_bytes: u32) -> Result<impl Iterator<Item = u32> + 'a, Malformed> {
        self.list(self.word(at)?, self.word(at.wrapping_add(POINTER_BYTES))?, element_bytes)
    }

    /// The places of a list's elements, by its place and their number.
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

/// What it takes to have the guest allocate, beside the guest's own work: about what it would cost the guest.
const ALLOCATION_FUEL: u64 = 1000;

/// How the host reaches into a guest.
#[derive(Clone)]
pub struct Access {
    pub memory: Memory,
    /// `(old place, old size, alignment, new size) -> place`.
    pub realloc: TypedFunc<(u32, u32, u32, u32), u32>,
    pub fuel: Tank,
}

impl Access {
    /// Memory for the guest to own.
    pub async fn allocate(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        bytes: usize,
        alignment: u32,
    ) -> wasmtime::Result<u32> {
        let bytes = u32::try_from(bytes).map_err(|_| Malformed)?;
        self.fuel.charge(store, ALLOCATION_FUEL)?;
        // Only a broken guest comes back here from its allocator, to take one stack of the engine's after another.
        if std::mem::replace(&mut store.as_context_mut().data_mut().allocating, true) {
            return Err(Malformed.into());
        }
        let place = self.realloc.call_async(&mut *store, (0, 0, alignment, bytes)).await;
        store.as_context_mut().data_mut().allocating = false;
        place
    }

    /// Writes at a place.
    pub fn write(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        at: u32,
        bytes: &[u8],
    ) -> wasmtime::Result<()> {
        self.memory.write(store, at as usize, bytes).map_err(|_| Malformed.into())
    }

    /// Gives the guest a text: its place and length.
    pub async fn text(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        text: &str,
    ) -> wasmtime::Result<(u32, u32)> {
        self.bytes(store, text.as_bytes()).await
    }

    /// Gives the guest bytes: their place and length.
    pub async fn bytes(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        bytes: &[u8],
    ) -> wasmtime::Result<(u32, u32)> {
        let at = self.allocate(store, bytes.len(), 1).await?;
        self.write(store, at, bytes)?;
        Ok((at, u32::try_from(bytes.len()).map_err(|_| Malformed)?))
    }

    /// Gives the guest a record, or a list of them: its place.
    pub async fn record(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        record: &Record,
    ) -> wasmtime::Result<u32> {
        let at = self.allocate(store, record.0.len(), 4).await?;
        self.put(store, at, record)?;
        Ok(at)
    }

    /// Writes a record at a place.
    pub fn put(
        &self,
        store: &mut impl AsContextMut<Data = State>,
        at: u32,
        record: &Record,
    ) -> wasmtime::Result<()> {
        self.write(store, at, &record.0)
    }
}

/// A record as it is built, word by word.
#[derive(Default)]
pub struct Record(Vec<u8>);

impl Record {
    /// Adds a word.
    pub fn word(mut self, word: u32) -> Record {
        self.0.extend_from_slice(&word.to_le_bytes());
        self
    }

    /// Adds a place and a length.
    pub fn pointer(self, (at, length): (u32, u32)) -> Record {
        self.word(at).word(length)
    }
}
