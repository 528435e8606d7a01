//! A request's body, which counts as it arrives for what its message takes once it is decoded.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use proto::env::v1;
use sandbox::{Budget, Share};
use tonic::Status;
use tonic::codegen::http::Request;

use crate::error::Error;

/// What a decoded message takes, in units of its bytes, where steps or ids are listed. An empty one takes two bytes, and a list
/// that grows up to twice its length.
const STEPS_FACTOR: usize = size_of::<v1::StepRequest>();
const IDS_FACTOR: usize = size_of::<String>();

/// A request's body. It must be dropped after its message is decoded.
pub struct Received<B> {
    body: B,
    share: Share,
    factor: usize,
    /// The most bytes of a message.
    most: usize,
}

impl<B> Received<B> {
    /// The body of a request of at most `most` bytes.
    pub fn of(request: Request<B>, budget: &Budget, most: usize) -> Request<Self> {
        let factor = match request.uri().path().rsplit('/').next() {
            Some("StepBatch") => STEPS_FACTOR,
            Some("ForkEpisode" | "KeepAlive") => IDS_FACTOR,
            _ => 1,
        };
        request.map(|body| Self { body, share: budget.hold(0), factor, most })
    }
}

impl<B: http_body::Body<Data = Bytes> + Unpin> http_body::Body for Received<B>
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let arrived = frame.iter().flatten().filter_map(Frame::data_ref).map(Bytes::len).sum::<usize>();
        // Of a stream of requests, those before the last have been taken.
        let more = (arrived * self.factor).min((self.most * self.factor).saturating_sub(self.share.bytes()));
        match self.share.grow_large(more) {
            Ok(()) => Poll::Ready(frame.map(|frame| frame.map_err(Into::into))),
            Err(no_memory) => Poll::Ready(Some(Err(Status::from(Error::NoMemory(no_memory)).into()))),
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

    use super::*;

    #[tokio::test]
    async fn a_request_counts_as_it_arrives() {
        let budget = Budget::new(160 * STEPS_FACTOR);
        let received = |method: &str, bytes: usize| {
            let body = Full::new(Bytes::from(vec![7; bytes]));
            let request = Request::post(format!("/service/{method}")).body(body).unwrap();
            Received::of(request, &budget, 1000).into_body()
        };
        for (method, factor) in [("Step", 1), ("StepBatch", STEPS_FACTOR), ("KeepAlive", IDS_FACTOR)] {
            let mut body = received(method, 60);
            body.frame().await.unwrap().unwrap();
            assert_eq!(budget.used(), 60 * factor, "{method}");
            drop(body);
            assert_eq!(budget.used(), 0);
        }
        let error = received("StepBatch", 141).frame().await.unwrap().unwrap_err();
        assert_eq!(error.downcast::<Status>().unwrap().code(), tonic::Code::ResourceExhausted);
    }
}
