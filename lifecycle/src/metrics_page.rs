//! `GET /metrics`: what Prometheus scrapes. Servers with tokens answer operators only.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, body::Bytes};

use crate::caller::Caller;

/// The path of the page.
pub const PATH: &str = "/metrics";

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsFormat {
    /// Prometheus's text, which has classic histograms only.
    Text,
    /// Prometheus's protobuf, which has native histograms too.
    Protobuf,
}

impl MetricsFormat {
    const PROTOBUF: &'static str = "application/vnd.google.protobuf";

    /// Protobuf if the client takes it: Prometheus says so if its native histograms are switched on.
    fn accepted(headers: &HeaderMap) -> Self {
        let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        if accepted.any(|kinds| kinds.contains(Self::PROTOBUF)) { Self::Protobuf } else { Self::Text }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

/// The metrics of a server.
pub trait Metrics: Send + Sync + 'static {
    /// All metrics as they are now. It may take a while.
    ///
    /// # Errors
    /// Why they cannot be written.
    fn write(&self, format: MetricsFormat) -> Result<Vec<u8>, String>;
}

/// Adds the page. If `guarded`, only operators see it.
pub fn add(routes: Router, metrics: Arc<dyn Metrics>, guarded: bool) -> Router {
    let page = move |Extension(caller): Extension<Caller>, headers: HeaderMap| {
        let metrics = metrics.clone();
        async move {
            if guarded && !caller.is_operator() {
                return (StatusCode::FORBIDDEN, "metrics need an operator's token\n").into_response();
            }
            answer(metrics, MetricsFormat::accepted(&headers)).await
        }
    };
    routes.route(PATH, get(page))
}

async fn answer(metrics: Arc<dyn Metrics>, format: MetricsFormat) -> Response {
    let written = tokio::task::spawn_blocking(move || metrics.write(format)).await;
    match written.map_err(|error| error.to_string()).flatten() {
        Ok(page) => ([(CONTENT_TYPE, format.content_type())], Bytes::from(page)).into_response(),
        Err(error) => {
            tracing::error!("the metrics cannot be written: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_histograms_go_to_who_takes_them() {
        let openmetrics =
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                        encoding=delimited,text/plain;version=0.0.4;q=0.5";
        for (accept, format) in [
            (None, MetricsFormat::Text),
            (Some("*/*"), MetricsFormat::Text),
            (Some(openmetrics), MetricsFormat::Text),
            (Some(protobuf), MetricsFormat::Protobuf),
        ] {
            let headers = accept.map(|accept| (ACCEPT, accept.parse().unwrap())).into_iter().collect();
            assert_eq!(MetricsFormat::accepted(&headers), format, "{accept:?}");
        }
    }
}
