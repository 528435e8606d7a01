//! The deadline that a gRPC client sets for a call.

use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::timeout;
use tonic::Status;

/// The header that says how long a client waits.
const TIMEOUT: &str = "grpc-timeout";

/// When a call's client stops waiting: an extension of the request, if the client said so.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

/// Ends a call at its client's deadline with DEADLINE_EXCEEDED.
pub async fn keep(mut request: Request, next: Next) -> Response {
    let header = request.headers().get(TIMEOUT).and_then(|value| value.to_str().ok());
    let Some(deadline) = header.and_then(parse) else { return next.run(request).await };
    let within = deadline - margin(deadline);
    if let Some(at) = Instant::now().checked_add(within) {
        request.extensions_mut().insert(Deadline(at));
    }
    timeout(within, next.run(request)).await.unwrap_or_else(|_| {
        let message = format!("the call was not answered within the client's deadline, {deadline:?}");
        Status::deadline_exceeded(message).into_http()
    })
}

/// How much earlier than the client's deadline a call ends, so that the client reads why.
fn margin(deadline: Duration) -> Duration {
    (deadline / 4).min(Duration::from_millis(5))
}

/// At most eight digits and a unit, as in `100m`: "Requests" in
/// <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.
fn parse(header: &str) -> Option<Duration> {
    let (digits, unit) = header.split_at_checked(header.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read() {
        for (header, wanted) in [
            ("50m", Some(Duration::from_millis(50))),
            ("2H", Some(Duration::from_secs(7200))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("123456789S", None),
            ("", None),
            ("S", None),
            ("+5S", None),
            ("5 S", None),
            ("5x", None),
            ("5\u{e9}", None),
        ] {
            assert_eq!(parse(header), wanted, "{header}");
        }
    }
}
