//! What calls hold while they are sent and received: requests and answers count for the server's memory.
//!
//! | file       | what it holds                                                  |
//! |------------|----------------------------------------------------------------|
//! | `received` | a request's body, which counts for its message as it arrives   |
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

use sent::Sent;

pub use received::Received;
pub use sent::Answers;

/// A service whose answers count.
#[derive(Clone)]
pub struct Counted<S> {
    service: S,
    budget: Budget,
    answers: Arc<Answers>,
}

impl<S> Counted<S> {
    /// Counts what `service` sends.
    pub fn new(service: S, budget: Budget, answers: Arc<Answers>) -> Self {
        Self { service, budget, answers }
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
        let (budget, answers) = (self.budget.clone(), self.answers.clone());
        let answer = self.service.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            Ok(answer.map(|body| Body::new(Sent::new(body, budget, answers))))
        })
    }
}
