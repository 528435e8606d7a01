//! What the guest prints, kept on the host up to a limit, so that a killed step keeps its output.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// What the guest may write in one go; only the size of a host allocation.
const CHUNK_BYTES: usize = 64 << 10;

/// The guest's standard output. Clones write to, and take from, the same buffer.
#[derive(Clone, Default)]
pub struct Stdout {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl Stdout {
    /// Starts afresh with room for `limit` bytes.
    pub fn clear(&self, limit: usize) {
        *self.kept() = Kept { limit, ..Kept::default() };
    }

    /// What was printed, and whether more was.
    pub fn take(&self) -> (String, bool) {
        let Kept { mut bytes, limit, truncated } = std::mem::take(&mut *self.kept());
        if truncated {
            bytes.truncate(whole_characters(&bytes));
        }
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        // What stands for a byte that is no text is longer than the byte.
        let too_long = text.len() > limit;
        text.truncate(text.floor_char_boundary(limit));
        (text, truncated || too_long)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The length of a cut text without the character that the cut went through.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

impl OutputStream for Stdout {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut kept = self.kept();
        let room = kept.limit - kept.bytes.len();
        kept.truncated |= bytes.len() > room;
        kept.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK_BYTES)
    }
}

#[async_trait]
impl Pollable for Stdout {
    async fn ready(&mut self) {}
}

impl IsTerminal for Stdout {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stdout {
    /// Never asked for: the guest speaks WASI 0.2, which takes the stream below.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}
