//! What calls hold while they are sent and received: requests and answers count for the server's memory.
//!
//! | file       | what it holds                                                  |
//! |------------|----------------------------------------------------------------|
//! | `received` | a request's body, which counts as it arrives                   |
//! | `sent`     | an answer's body, which counts until it is read, or given up   |

mod received;
mod sent;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use sandbox::Budget;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::NamedService;

use received::Received;
use sent::Sent;

pub use sent::Answers;

/// A service whose requests and answers count.
#[derive(Clone)]
pub struct Counted<S> {
    service: S,
    budget: Budget,
    answers: Arc<Answers>,
    /// The longest request.
    most: usize,
}

impl<S> Counted<S> {
    /// Counts what `service` receives, in requests of at most `most` bytes, and sends.
    pub fn new(service: S, budget: Budget, answers: Arc<Answers>, most: usize) -> Self {
        Self { service, budget, answers, most }
    }
}

impl<S: NamedService> NamedService for Counted<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (budget, answers, most) = (self.budget.clone(), self.answers.clone(), self.most);
        let share = budget.hold(0);
        let answer = self.service.call(request.map(|body| Body::new(Received::new(body, share, most))));
        Box::pin(async move {
            let answer = answer.await?;
            Ok(answer.map(|body| Body::new(Sent::new(body, budget, answers))))
        })
    }
}
