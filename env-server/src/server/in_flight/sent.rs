//! An answer's body. It is passed on in pieces, as fast as the client reads it, and counts until then; what has not been read
//! can be given up, so that a client that does not read cannot make the server keep answers.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::Frame;
use sandbox::{Budget, Share};
use tonic::Status;
use tonic::body::Body;

/// The size of the pieces of an answer.
const PIECE_BYTES: usize = 64 << 10;
/// How long a client may leave an answer unread.
const MAX_UNREAD: Duration = Duration::from_secs(30);
/// How long, if the memory is needed.
const SHORT_UNREAD: Duration = Duration::from_secs(1);

/// Large answers that are being sent.
#[derive(Default)]
pub struct Answers {
    sent: Mutex<Vec<Weak<Mutex<Unread>>>>,
}

/// What a client has not read of a large answer.
struct Unread {
    rest: Bytes,
    share: Share,
    /// When the client last read some.
    read: Instant,
    given_up: bool,
}

impl Answers {
    /// Gives up the answers that their clients do not read.
    pub fn give_up_old(&self) {
        self.give_up(MAX_UNREAD, usize::MAX);
    }

    /// Gives up the answer that has waited longest to be read, if it has waited for a while. Returns whether there was one.
    pub fn give_up_one(&self) -> bool {
        self.give_up(SHORT_UNREAD, 1) > 0
    }

    fn give_up(&self, unread: Duration, most: usize) -> usize {
        let mut given_up = 0;
        self.sent().retain(|answer| {
            let Some(answer) = answer.upgrade() else { return false };
            let mut answer = lock(&answer);
            let gives_up = given_up < most && answer.read.elapsed() > unread;
            if gives_up {
                *answer = Unread {
                    rest: Bytes::new(),
                    given_up: true,
                    read: answer.read,
                    share: answer.share.empty(),
                };
                given_up += 1;
            }
            !gives_up
        });
        given_up
    }

    fn add(&self, rest: Bytes, share: Share) -> Arc<Mutex<Unread>> {
        let answer = Unread { rest, share, read: Instant::now(), given_up: false };
        let answer = Arc::new(Mutex::new(answer));
        self.sent().push(Arc::downgrade(&answer));
        answer
    }

    fn sent(&self) -> MutexGuard<'_, Vec<Weak<Mutex<Unread>>>> {
        lock(&self.sent)
    }
}

/// An answer's body.
pub struct Sent {
    body: Body,
    unread: Option<Arc<Mutex<Unread>>>,
    budget: Budget,
    answers: Arc<Answers>,
}

impl Sent {
    /// The body of an answer. If it is large, it is added to `answers`.
    pub fn new(body: Body, budget: Budget, answers: Arc<Answers>) -> Self {
        Self { body, unread: None, budget, answers }
    }

    /// The next piece of what is left; `None` if nothing is.
    fn piece(&mut self) -> Option<Result<Frame<Bytes>, Status>> {
        let unread = self.unread.as_ref()?;
        let mut unread = lock(unread);
        if unread.given_up {
            return Some(Err(Status::resource_exhausted(
                "the answer was not read in time; send the same request again, and read its answer",
            )));
        }
        unread.read = Instant::now();
        let length = unread.rest.len().min(PIECE_BYTES);
        let piece = unread.rest.split_to(length);
        let is_last = unread.rest.is_empty();
        drop(unread);
        if is_last {
            self.unread = None;
        }
        Some(Ok(Frame::data(piece)))
    }
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(piece) = self.piece() {
            return Poll::Ready(Some(piece));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) if data.len() > PIECE_BYTES => {
                let share = self.budget.hold(data.len());
                self.unread = Some(self.answers.add(data, share));
                Poll::Ready(self.piece())
            }
            Some(Ok(Ok(data))) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Ok(Err(trailers))) => Poll::Ready(Some(Ok(trailers))),
            Some(Err(status)) => Poll::Ready(Some(Err(status))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.unread.is_none() && self.body.is_end_stream()
    }
}

fn lock<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    fn sent(budget: &Budget, answers: &Arc<Answers>, bytes: usize) -> Sent {
        let body = Body::new(Full::new(Bytes::from(vec![7; bytes])).map_err(|never| match never {}));
        Sent::new(body, budget.clone(), answers.clone())
    }

    #[tokio::test]
    async fn an_answer_comes_in_pieces_and_counts_until_it_is_read() {
        let (budget, answers) = (Budget::default(), Arc::default());
        let mut body = sent(&budget, &answers, 3 * PIECE_BYTES);
        let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((piece.len(), budget.used()), (PIECE_BYTES, 3 * PIECE_BYTES));
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 2 * PIECE_BYTES);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_read_is_given_up() {
        let (budget, answers) = (Budget::default(), Arc::default());
        let mut body = sent(&budget, &answers, 3 * PIECE_BYTES);
        body.frame().await.unwrap().unwrap();
        assert!(!answers.give_up_one(), "it was just read");
        lock(body.unread.as_ref().unwrap()).read = Instant::now().checked_sub(MAX_UNREAD * 2).unwrap();
        assert!(answers.give_up_one());
        assert_eq!(budget.used(), 0);
        assert_eq!(body.frame().await.unwrap().unwrap_err().code(), tonic::Code::ResourceExhausted);
    }
}
