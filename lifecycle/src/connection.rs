//! A client's connection, plain or encrypted.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};

/// Bytes of HTTP/2's preface; a request of HTTP/1.1 is longer. From there on HTTP's own limits of time hold.
const PREFACE: usize = 24;
/// How long they may take.
const PREFACE_LIMIT: Duration = Duration::from_secs(10);

/// What bytes are read from and written to.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A client's connection. Reading fails if the client does not begin to speak in time.
pub struct Connection {
    stream: Box<dyn Stream>,
    silence: Option<Silence>,
    /// Its place among the server's connections.
    _place: OwnedSemaphorePermit,
}

/// What a client has to say before its time is over.
struct Silence {
    left: usize,
    limit: Pin<Box<Sleep>>,
}

impl Connection {
    /// A connection that is open from now on, and occupies a place.
    pub fn new(stream: Box<dyn Stream>, place: OwnedSemaphorePermit) -> Self {
        Self::limited(stream, place, PREFACE_LIMIT)
    }

    fn limited(stream: Box<dyn Stream>, place: OwnedSemaphorePermit, limit: Duration) -> Self {
        let silence = Silence { left: PREFACE, limit: Box::pin(sleep(limit)) };
        Self { stream, silence: Some(silence), _place: place }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(silence) = &mut self.silence else { return read };
        if read.is_pending() {
            ready!(silence.limit.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        silence.left = silence.left.saturating_sub(buffer.filled().len() - before);
        if silence.left == 0 {
            self.silence = None;
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Waker;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_client_that_does_not_begin_to_speak_in_time_is_given_up() {
        for (said, kept) in [(0, false), (PREFACE - 1, false), (PREFACE, true)] {
            let places = Arc::new(Semaphore::new(1));
            let place = places.clone().try_acquire_owned().unwrap();
            let (mut client, stream) = duplex(100);
            let mut connection = Connection::limited(Box::new(stream), place, Duration::ZERO);
            client.write_all(&vec![b'x'; said]).await.unwrap();
            connection.read_exact(&mut vec![0; said]).await.unwrap();
            if kept {
                let mut buffer = [0];
                let read = std::pin::pin!(connection.read(&mut buffer));
                assert!(read.poll(&mut Context::from_waker(Waker::noop())).is_pending());
            } else {
                assert_eq!(connection.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
            }
            drop(connection);
            assert_eq!(places.available_permits(), 1);
        }
    }
}
