//! The end of a server in order: calls under way end, new ones are refused, and probes are told so meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Notify;
use tonic::Status;

use crate::{connect, metrics_page, probes};

/// Calls under way, and whether new ones are taken.
pub struct Drain {
    announced: AtomicBool,
    begun: AtomicBool,
    under_way: AtomicUsize,
    /// Told when a call ends after the drain has begun.
    ended: Notify,
    refusal: fn() -> Status,
}

/// A call under way.
struct UnderWay<'a>(&'a Drain);

impl Drain {
    /// A server that takes calls. `refusal` says why it takes none once it shuts down.
    pub fn new(refusal: fn() -> Status) -> Self {
        Self {
            announced: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            ended: Notify::new(),
            refusal,
        }
    }

    /// Tells probes that calls will soon be refused.
    pub fn announce(&self) {
        self.announced.store(true, Ordering::SeqCst);
    }

    /// Whether calls are refused now or soon.
    pub fn is_announced(&self) -> bool {
        self.announced.load(Ordering::SeqCst)
    }

    /// Takes no new calls from now on.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::SeqCst);
    }

    fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// Waits until no call is under way. Streams of answers are not waited for.
    pub async fn idle(&self) {
        loop {
            // Made before the look, so that an end in between is not missed.
            let ended = self.ended.notified();
            if self.under_way.load(Ordering::SeqCst) == 0 {
                return;
            }
            ended.await;
        }
    }

    fn enter(&self) -> Option<UnderWay<'_>> {
        // Counted before the look: a drain that has not begun by then waits for this call.
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let call = UnderWay(self);
        (!self.has_begun()).then_some(call)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let Self(drain) = self;
        drain.under_way.fetch_sub(1, Ordering::SeqCst);
        if drain.has_begun() {
            drain.ended.notify_one();
        }
    }
}

/// Refuses calls once the drain has begun. Probes, health checks and metrics are answered to the end.
pub async fn admit(State(drain): State<Arc<Drain>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if probes::is_probe(path) || path == metrics_page::PATH {
        return next.run(request).await;
    }
    let Some(_call) = drain.enter() else {
        return connect::refusal(request.headers(), (drain.refusal)());
    };
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn a_drain_waits_for_the_calls_that_it_found() {
        let drain = Drain::new(|| Status::unavailable("the end"));
        drain.idle().await;
        let (first, second) = (drain.enter().unwrap(), drain.enter().unwrap());
        drop(first);
        drain.begin();
        assert!(drain.enter().is_none(), "no new call");
        let mut idle = pin!(drain.idle());
        let waker = std::task::Waker::noop();
        assert!(idle.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
        drop(second);
        idle.await;
    }
}
