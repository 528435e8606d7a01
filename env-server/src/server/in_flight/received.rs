//! A request's body, which counts as it arrives.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use sandbox::Share;
use tonic::Status;
use tonic::body::Body;

use crate::error::Error;

/// A request's body.
pub struct Received {
    body: Body,
    share: Share,
    most: usize,
}

impl Received {
    /// The body of a request of at most `most` bytes.
    pub fn new(body: Body, share: Share, most: usize) -> Self {
        Self { body, share, most }
    }
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let arrived = frame.iter().flatten().filter_map(Frame::data_ref).map(Bytes::len).sum::<usize>();
        // Of a stream of requests, those before the last have been taken.
        let more = arrived.min(self.most.saturating_sub(self.share.bytes()));
        match self.share.grow_large(more) {
            Ok(()) => Poll::Ready(frame),
            Err(no_memory) => Poll::Ready(Some(Err(Error::NoMemory(no_memory).into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};
    use sandbox::Budget;

    use super::*;

    #[tokio::test]
    async fn a_request_counts_as_it_arrives() {
        let budget = Budget::new(160);
        let received = |bytes: usize| {
            let body = Body::new(Full::new(Bytes::from(vec![7; bytes])).map_err(|never| match never {}));
            Received { body, share: budget.hold(0), most: 1000 }
        };
        let mut body = received(60);
        body.frame().await.unwrap().unwrap();
        assert_eq!(budget.used(), 60);
        assert_eq!(received(81).frame().await.unwrap().unwrap_err().code(), tonic::Code::ResourceExhausted);
        drop(body);
        assert_eq!(budget.used(), 0);
    }
}
