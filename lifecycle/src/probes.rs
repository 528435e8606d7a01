//! What supervisors and load balancers ask, without a token: `GET /healthz` and `GET /readyz`, and gRPC's health checks.

use std::future::ready;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

/// Answers with 200 while the server runs.
const HEALTH: &str = "/healthz";
/// Answers with 200 while the server takes calls, and with 503 from when it begins to shut down.
const READINESS: &str = "/readyz";
/// What the paths of gRPC's health checks begin with.
const GRPC_HEALTH: &str = "/grpc.health.v1.Health/";

const OK: (StatusCode, &str) = (StatusCode::OK, "ok\n");
const NOT_READY: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n");

/// Whether a request of this path is a probe.
pub fn is_probe(path: &str) -> bool {
    path == HEALTH || path == READINESS || path.starts_with(GRPC_HEALTH)
}

/// Adds the probes over HTTP. `is_ready` says whether the server takes calls.
pub fn add(routes: Router, is_ready: impl Fn() -> bool + Clone + Send + Sync + 'static) -> Router {
    let readiness = move || ready(if is_ready() { OK } else { NOT_READY });
    routes.route(HEALTH, get(|| ready(OK))).route(READINESS, get(readiness))
}
