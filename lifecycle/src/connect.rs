//! Calls as JSON over HTTP: the unary part of Connect's protocol (<https://connectrpc.com/docs/protocol>), for any gRPC
//! service whose descriptors are known.
//!
//! A request becomes one of gRPC before it reaches the service, and the answer is translated back.

mod codec;
mod failure;

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use prost_reflect::{DescriptorError, DescriptorPool, MethodDescriptor};
use tonic::codegen::http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header, request};
use tonic::{Code, Status};

use codec::Codec;

/// A gRPC message's flags and length, before the message.
const FRAME_BYTES: usize = 5;

const ENCODING: &str = "content-encoding";
const VERSION: &str = "connect-protocol-version";
const TIMEOUT: &str = "connect-timeout-ms";

/// Translates calls of the services that it knows.
pub struct Gateway {
    services: Vec<DescriptorPool>,
    /// The messages of errors' details.
    details: DescriptorPool,
    /// The longest body of a request, in bytes.
    max_body_bytes: usize,
}

impl Gateway {
    /// A gateway to the services of these encoded `FileDescriptorSet`s, for requests up to a length in bytes.
    ///
    /// # Errors
    /// A set that can't be decoded, or is not complete.
    pub fn new(descriptors: &[&[u8]], max_body_bytes: usize) -> Result<Self, DescriptorError> {
        Ok(Self {
            services: descriptors.iter().map(|set| DescriptorPool::decode(*set)).collect::<Result<_, _>>()?,
            details: DescriptorPool::decode(tonic_types::pb::FILE_DESCRIPTOR_SET)?,
            max_body_bytes,
        })
    }

    /// Whether the calls of this path are streams of requests.
    pub fn takes_stream(&self, path: &str) -> bool {
        matches!(self.method(path), Some(Ok(method)) if method.is_client_streaming())
    }

    /// The paths of a service's calls.
    pub fn paths(&self, service: &str) -> HashSet<String> {
        let found = self.services.iter().find_map(|pool| pool.get_service_by_name(service));
        let methods = found.iter().flat_map(|service| service.methods());
        methods.map(|method| format!("/{service}/{}", method.name())).collect()
    }

    /// The method whose calls have this path, `/SERVICE/METHOD`, if the service is known.
    fn method(&self, path: &str) -> Option<Result<MethodDescriptor, Status>> {
        let (service, name) = path.strip_prefix('/')?.split_once('/')?;
        let service = self.services.iter().find_map(|pool| pool.get_service_by_name(service))?;
        let method = service.methods().find(|method| method.name() == name);
        Some(
            method
                .ok_or_else(|| Status::unimplemented(format!("{} has no such method", service.full_name()))),
        )
    }
}

/// Answers Connect's calls, and passes on all other requests.
pub async fn translate(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let Some(method) = gateway.method(request.uri().path()) else { return next.run(request).await };
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.is_some_and(|kind| kind.starts_with("application/grpc")) {
        return next.run(request).await;
    }
    if request.method() != Method::POST {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")], "calls are made by POST\n")
            .into_response();
    }
    let Some(codec) = content_type.and_then(Codec::of) else {
        return (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            [("accept-post", "application/json, application/proto, application/grpc, application/grpc-web")],
            "content-type must be application/json, or another one of those in the header accept-post\n",
        )
            .into_response();
    };
    match call(method, codec, gateway.max_body_bytes, request, next).await {
        Ok(body) => ([(header::CONTENT_TYPE, codec.content_type())], body).into_response(),
        Err(status) => failure::response(&status, &gateway.details),
    }
}

/// The answer to a request of any of the protocols that is refused before its call begins.
pub fn refusal(request: &HeaderMap, status: Status) -> Response {
    match request.get(header::CONTENT_TYPE).filter(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
        None => failure::response(&status, &DescriptorPool::new()),
        Some(kind) => {
            let mut response = status.into_http();
            response.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
            response
        }
    }
}

async fn call(
    method: Result<MethodDescriptor, Status>,
    codec: Codec,
    max_body_bytes: usize,
    request: Request,
    next: Next,
) -> Result<Vec<u8>, Status> {
    let method = method?;
    if method.is_client_streaming() || method.is_server_streaming() {
        let message = format!("{} is a stream; make this call over gRPC", method.name());
        return Err(Status::unimplemented(message));
    }
    let (mut parts, mut body) = request.into_parts();
    check(&parts.headers)?;
    let bytes = Limited::new(&mut body, max_body_bytes).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return Status::out_of_range(format!("the request's body exceeds {max_body_bytes} bytes"));
        }
        let broken_off =
            |error| Status::cancelled(format!("the request's body did not come to its end: {error}"));
        Status::try_from_error(error).unwrap_or_else(broken_off)
    })?;
    let message = codec.decode(method.input(), bytes.to_bytes())?;
    become_grpc(&mut parts)?;
    // A body may count what its message takes, so it goes with the new one: the service drops that once it is decoded.
    let framed = Full::new(frame(&message)?).map_frame(move |frame| {
        let _counted = &body;
        frame
    });
    let answer = next.run(Request::from_parts(parts, Body::new(framed))).await;
    codec.encode(method.output(), unframe(answer).await?)
}

/// Refuses what this server does not understand of the protocol.
fn check(headers: &HeaderMap) -> Result<(), Status> {
    if headers.get(ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Status::unimplemented("content-encoding: must be identity, or left out"));
    }
    if headers.get(VERSION).is_some_and(|version| version != "1") {
        return Err(Status::invalid_argument("connect-protocol-version: must be 1, or left out"));
    }
    Ok(())
}

/// Makes the head of a request one of gRPC.
fn become_grpc(parts: &mut request::Parts) -> Result<(), Status> {
    parts.version = Version::HTTP_2;
    let headers = &mut parts.headers;
    for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT, header::CONNECTION] {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    if let Some(timeout) = headers.remove(TIMEOUT) {
        headers.insert("grpc-timeout", grpc_timeout(&timeout)?);
    }
    Ok(())
}

/// Milliseconds, of at most ten digits, as gRPC writes them in eight digits.
fn grpc_timeout(header: &HeaderValue) -> Result<HeaderValue, Status> {
    let digits = header
        .to_str()
        .ok()
        .filter(|text| text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit()));
    let wrong = || Status::invalid_argument("connect-timeout-ms: must be a number of at most ten digits");
    let millis: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
    let timeout = if millis < 100_000_000 { format!("{millis}m") } else { format!("{}S", millis / 1000) };
    HeaderValue::from_str(&timeout).map_err(|_| wrong())
}

fn frame(message: &[u8]) -> Result<Bytes, Status> {
    let length =
        u32::try_from(message.len()).map_err(|_| Status::resource_exhausted("the request is too long"))?;
    let mut framed = BytesMut::with_capacity(FRAME_BYTES + message.len());
    framed.put_u8(0);
    framed.put_u32(length);
    framed.put_slice(message);
    Ok(framed.freeze())
}

/// The message of a gRPC answer.
async fn unframe(answer: Response) -> Result<Bytes, Status> {
    let (head, body) = answer.into_parts();
    let body =
        body.collect().await.map_err(|error| Status::internal(format!("the answer broke off: {error}")))?;
    let status =
        Status::from_header_map(&head.headers).or_else(|| body.trailers().and_then(Status::from_header_map));
    match status {
        Some(status) if status.code() == Code::Ok => {
            let mut framed = body.to_bytes();
            if framed.len() < FRAME_BYTES {
                return Err(Status::internal("the service gave no message"));
            }
            Ok(framed.split_off(FRAME_BYTES))
        }
        Some(status) => Err(status),
        None => Err(Status::internal(format!("the service gave no status, but HTTP {}", head.status))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_fit_in_eight_digits() {
        for (millis, wanted) in [("0", "0m"), ("99999999", "99999999m"), ("9999999999", "9999999S")] {
            assert_eq!(grpc_timeout(&HeaderValue::from_static(millis)).unwrap(), wanted);
        }
        for wrong in ["", "-1", "1.5", "12345678901", "1s"] {
            let status = grpc_timeout(&HeaderValue::from_static(wrong)).unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument, "{wrong}");
        }
    }
}
