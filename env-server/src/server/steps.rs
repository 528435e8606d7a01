//! The steps of one call: those of one episode in their order, those of several side by side.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use futures::stream::{Stream, StreamExt as _};
use prost::Message as _;
use proto::env::v1;
use proto::env::v1::step_stream_response::Result as ResultMessage;
use tokio::sync::oneshot;
use tonic::Status;

use super::status::call_error;
use crate::episode::step::Record;
use crate::error::Error;

/// Bytes of answers to a batch; clients accept messages of 4 MiB by default.
const BATCH_BYTES: usize = 3 << 20;

/// What came of one step.
pub struct Taken {
    episode_id: String,
    outcome: Result<Arc<Record>, Status>,
}

/// Takes the steps of these requests by `step`; what came of them, in the order of the requests. At most `ahead` requests are
/// read before the outcome of the first of them is. A failure to read a request is passed on, and is the last: tonic's streams
/// repeat it without an end.
pub fn taken<E, F: Future<Output = Result<Arc<Record>, Status>>>(
    requests: impl Stream<Item = Result<v1::StepRequest, E>>,
    ahead: usize,
    step: impl Fn(v1::StepRequest) -> F,
) -> impl Stream<Item = Result<Taken, E>> {
    let mut order = Order::default();
    let mut take = move |request: v1::StepRequest| {
        let episode_id = request.episode_id.clone();
        let step = order.after_earlier(&episode_id, step(request));
        async move { Taken { episode_id, outcome: step.await } }
    };
    let until_failure = |has_failed: &mut bool, request: Result<_, E>| {
        let next = (!*has_failed).then_some(request);
        *has_failed = matches!(next, Some(Err(_)));
        std::future::ready(next)
    };
    requests
        .scan(false, until_failure)
        .map(move |request| {
            let taking = request.map(&mut take);
            async move { Ok(taking?.await) }
        })
        .buffered(ahead)
}

/// All answers to a batch. Those that have no room are left out: their steps were taken.
///
/// # Errors
/// A failure to read a request.
pub async fn batch(taken: impl Stream<Item = Result<Taken, Error>>) -> Result<v1::StepBatchResponse, Error> {
    let mut taken = pin!(taken);
    let mut results = Vec::new();
    let mut left = BATCH_BYTES;
    while let Some(next) = taken.next().await {
        let mut answer = v1::StepStreamResponse::from(next?);
        if answer.encoded_len() > left && !results.is_empty() {
            answer.result = Some(ResultMessage::Error(call_error(&Error::AnswerLeftOut.into())));
        }
        left = left.saturating_sub(answer.encoded_len());
        results.push(answer);
    }
    Ok(v1::StepBatchResponse { results })
}

impl From<Taken> for v1::StepStreamResponse {
    fn from(Taken { episode_id, outcome }: Taken) -> Self {
        let result = match outcome {
            Ok(record) => ResultMessage::Response(record.as_ref().into()),
            Err(status) => ResultMessage::Error(call_error(&status)),
        };
        Self { episode_id, result: Some(result) }
    }
}

/// Lets each step wait for the earlier ones of its episode.
#[derive(Default)]
struct Order {
    /// By episode, its latest step: the channel closes at the step's end.
    latest: HashMap<String, oneshot::Receiver<Infallible>>,
}

impl Order {
    /// A step that begins when the earlier ones of its episode have ended.
    fn after_earlier<F: Future>(
        &mut self,
        episode_id: &str,
        step: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        self.latest.retain(|_, ended| ended.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        let (ending, ended) = oneshot::channel();
        let earlier = self.latest.insert(episode_id.to_owned(), ended);
        async move {
            if let Some(earlier) = earlier {
                // Fails when the channel closes: nothing is ever sent.
                let _ = earlier.await;
            }
            let outcome = step.await;
            drop(ending);
            outcome
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_cannot_be_read_is_the_last() {
        let requests = futures::stream::repeat_with(|| Err::<v1::StepRequest, _>("undecodable"));
        let refused = |_| std::future::ready(Err(Status::internal("not asked for")));
        let taken: Vec<_> = taken(requests, 16, refused).collect().await;
        assert!(matches!(taken[..], [Err("undecodable")]));
    }

    #[tokio::test]
    async fn a_step_begins_when_the_earlier_one_of_its_episode_has_ended() {
        let mut order = Order::default();
        let (go, wait) = oneshot::channel::<()>();
        let first = order.after_earlier("a", async { wait.await.unwrap() });
        let second = order.after_earlier("a", async {});
        let other = order.after_earlier("b", async {});
        let mut first = Box::pin(first);
        let mut second = Box::pin(second);
        other.await;
        assert!(futures::poll!(&mut second).is_pending() && futures::poll!(&mut first).is_pending());
        assert!(futures::poll!(&mut second).is_pending());
        go.send(()).unwrap();
        first.await;
        second.await;
        // What has ended is forgotten.
        order.after_earlier("c", async {}).await;
        assert_eq!(order.latest.keys().collect::<Vec<_>>(), ["c"]);
    }
}
