//! A span for each call of a server, within the trace of whoever calls.
//!
//! Calls that do not reach a service (no token, no such method) have none.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tonic::{Code, Status};

use crate::code::code_name;
use crate::telemetry::names;
use crate::telemetry::span::{Span, is_on};

/// The paths of the calls that have spans.
pub type Paths = HashSet<String>;

/// Opens the span of a gRPC call. It ends with the answer's body: a stream's steps run while that is read.
pub async fn rpc(State(paths): State<Arc<Paths>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !is_on() || !paths.contains(path) {
        return next.run(request).await;
    }
    let method = path.trim_start_matches('/').to_owned();
    let span = Span::serve(method.clone(), request.headers());
    span.set(names::RPC_SYSTEM, "grpc");
    span.set(names::RPC_METHOD, method);
    let mut call = Call { span: span.clone(), ended: false };
    let response = span.around(next.run(request)).await;
    // An answer without a message has its status here.
    if let Some(status) = Status::from_header_map(response.headers()) {
        call.end(status.code());
    }
    response.map(|body| Body::new(Traced { body, call: Some(call) }))
}

/// Opens the span of a call over HTTP that is none of gRPC.
pub async fn http(request: Request, next: Next) -> Response {
    let is_grpc = |request: &Request| {
        let kind = request.headers().get(CONTENT_TYPE);
        kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
    };
    let route = request.extensions().get::<MatchedPath>().filter(|_| is_on() && !is_grpc(&request));
    let Some(route) = route.map(|route| route.as_str().to_owned()) else { return next.run(request).await };
    let method = request.method().as_str().to_owned();
    let span = Span::serve(format!("{method} {route}"), request.headers());
    span.set(names::HTTP_METHOD, method);
    span.set(names::HTTP_ROUTE, route);
    let response = span.around(next.run(request)).await;
    let status = response.status();
    span.set_count(names::HTTP_STATUS, status.as_u16().into());
    if status.is_server_error() {
        span.fail(status.as_str().to_owned());
    }
    let call = Call { span, ended: true };
    response.map(|body| Body::new(Traced { body, call: Some(call) }))
}

/// A call under way. If it is dropped before its end, its client has gone.
struct Call {
    span: Span,
    ended: bool,
}

impl Call {
    /// Notes how it ended, if that is not known yet.
    fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let name = code_name(code);
        self.span.set(names::RPC_STATUS, name);
        if is_fault(code) {
            self.span.fail(name);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// Whether a server that answers with this code has failed, by the conventions for gRPC; otherwise it is the caller's doing.
fn is_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// The body of an answer, whose end is that of its call.
struct Traced {
    body: Body,
    call: Option<Call>,
}

impl HttpBody for Traced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, call } = &mut *self;
        let Some(under_way) = call else { return Pin::new(body).poll_frame(context) };
        let polled = under_way.span.enter(|| Pin::new(body).poll_frame(context));
        if let Poll::Ready(frame) = &polled {
            let trailers = match frame {
                Some(Ok(frame)) if frame.is_data() => return polled,
                Some(Ok(frame)) => frame.trailers_ref(),
                _ => None,
            };
            under_way.end(
                trailers.and_then(Status::from_header_map).map_or(Code::Unknown, |status| status.code()),
            );
            *call = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::http::StatusCode;
    use axum::routing::get;
    use axum::{Router, middleware};
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
    use tower::ServiceExt as _;

    use super::*;
    use crate::telemetry::span::make_with;

    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    #[tokio::test]
    async fn calls_over_http_have_spans_by_their_routes() {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
        assert!(make_with(provider.tracer("test")));
        let routes = Router::new()
            .route("/models/{id}", get(|| async { "one" }))
            .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
            .layer(middleware::from_fn(http));
        let trace = "0af7651916cd43dd8448eb211c80319c";
        for (path, kind) in [
            ("/models/secret", "application/json"),
            ("/broken", ""),
            ("/nothing", ""),
            ("/models/x", "application/grpc-web"),
        ] {
            let request = Request::get(path)
                .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
                .header(CONTENT_TYPE, kind);
            let answer = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
        }
        let told = |span: &SpanData| {
            assert_eq!(span.span_context.trace_id().to_string(), trace);
            assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
            let attributes = span.attributes.iter().map(|attribute| attribute.value.to_string());
            format!("{}: {}", span.name, attributes.collect::<Vec<_>>().join(" "))
        };
        let told: Vec<String> = kept.0.lock().unwrap().iter().map(told).collect();
        assert_eq!(told, ["GET /models/{id}: GET /models/{id} 200", "GET /broken: GET /broken 500 500"]);
    }

    #[test]
    fn what_the_caller_does_is_no_fault() {
        for code in (0..17).map(Code::from) {
            let name = code_name(code);
            let fault =
                ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"];
            assert_eq!(is_fault(code), fault.contains(&name), "{name}");
        }
    }
}
