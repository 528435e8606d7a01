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
const IDS_FACTOR: usize = 2 * size_of::<String>();
/// What a call of a tool takes at most beyond its bytes. Each has a byte with which it begins, in protobuf or in JSON.
const TOOL_CALL: usize = 2 * size_of::<v1::ToolCall>();
const BEGINNINGS: [u8; 2] = [b'\n', b'{'];

/// A request's body. It must be dropped after its message is decoded.
pub struct Received<B> {
    body: B,
    share: Share,
    factor: usize,
    /// What each byte takes with which a call of a tool may begin.
    beginning: usize,
    /// The most bytes of a message.
    most: usize,
}

impl<B> Received<B> {
    /// The body of a request of at most `most` bytes.
    pub fn of(request: Request<B>, budget: &Budget, most: usize) -> Request<Self> {
        let (factor, beginning) = match request.uri().path().rsplit('/').next() {
            Some("StepBatch") => (STEPS_FACTOR, 0),
            Some("ForkEpisode" | "KeepAlive") => (IDS_FACTOR, 0),
            Some("Step") => (1, TOOL_CALL),
            _ => (1, 0),
        };
        request.map(|body| Self { body, share: budget.hold(0), factor, beginning, most })
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
        let data = frame.iter().flatten().find_map(Frame::data_ref).map_or(&[][..], |data| data);
        let beginnings = data.iter().filter(|byte| self.beginning > 0 && BEGINNINGS.contains(byte)).count();
        let arrived = data.len() * self.factor + beginnings * self.beginning;
        // Of a stream of requests, those before the last have been taken.
        let most = self.most * (self.factor + self.beginning);
        let more = arrived.min(most.saturating_sub(self.share.bytes()));
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
        let mut calls = received("Step", 60);
        calls.body = Full::new(Bytes::from_static(b"\n\0\n\0{}"));
        calls.frame().await.unwrap().unwrap();
        assert_eq!(budget.used(), 6 + 3 * TOOL_CALL);
        drop(calls);
        let error = received("StepBatch", 161).frame().await.unwrap().unwrap_err();
        assert_eq!(error.downcast::<Status>().unwrap().code(), tonic::Code::ResourceExhausted);
    }
}
