//! Requests: through the gateway, the service and a registry, without a port.
//!
//! An input is a few calls, a line each: `METHOD BODY`. A body in JSON is sent as one; `0x` and hexadecimal digits are a message
//! in protobuf's encoding, sent over gRPC-Web. Words between them say more of the call: `operator` that an operator makes
//! it, `timeout=MILLISECONDS` how long the caller waits.

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use bytes::{BufMut as _, Bytes, BytesMut};
use env_server::catalog::Catalog;
use env_server::episode::{Limits, Options, Registry};
use env_server::generate;
use env_server::scheduler::Scheduler;
use env_server::server::{Bounds, Service};
use env_server::task_config::TaskConfig;
use env_server::task_set::TaskSet;
use env_server::wire;
use lifecycle::{Caller, Protocols, Role};
use proto::env::FILE_DESCRIPTOR_SET;
use proto::env::v1::environment_service_server::EnvironmentServiceServer;
use sandbox::{Budget, Sandbox};
use serde_json::json;
use tokio::runtime::Runtime;
use tonic::service::Routes;
use tower::ServiceExt as _;

use crate::{memory, scratch};

const SERVICE: &str = "/runtime_gym.env.v1.EnvironmentService";
/// The most calls of an input.
const MAX_CALLS: usize = 12;
const MAX_REQUEST_BYTES: usize = 1 << 20;
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// gRPC's code of a fault of the server, in the trailers of gRPC-Web.
const INTERNAL: &[u8] = b"grpc-status:13";

/// What all inputs share.
struct Shared {
    sandbox: Sandbox,
    tasks: TaskSet,
    protocols: Protocols,
    runtime: Runtime,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let options =
        sandbox::Options { max_interpreters: 4, budget: Budget::new(1 << 30), ..sandbox::Options::default() };
    Shared {
        sandbox: Sandbox::new(&options).expect("the interpreter starts"),
        tasks: tasks(&scratch::folder().join("served")),
        protocols: Protocols::new("", &[FILE_DESCRIPTOR_SET], MAX_REQUEST_BYTES)
            .expect("our own descriptors"),
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
    }
});

/// A set of a few small tasks.
fn tasks(root: &Path) -> TaskSet {
    let config = json!({
        "out_dir": "unused", "run_name": "set", "seed_start": 1, "max_workers": 1,
        "knapsack": {
            "num_tasks": 2, "n_items_range": [5, 6], "weight_range": [5, 9], "value_range": [10, 30],
            "classes": ["A"], "num_allowed_classes": 1, "capacity_ratio_range": [0.8, 0.9],
        },
        "navigation": {
            "num_tasks": 1, "horizon_range": [2, 2], "extra_nodes_range": [1, 1],
            "extra_edge_factor_range": [0.1, 0.1], "max_steps_multiplier": 2.0,
        },
        "rule_diagnosis": {"num_tasks": 1, "families": ["affine_mod"]},
    });
    let config = TaskConfig::parse(&config).expect("a config");
    fs::create_dir_all(root).expect("a folder");
    generate::run(&config, root, &generate::progress_bar()).expect("tasks");
    TaskSet::load(root).expect("a task set")
}

/// Runs an input.
pub fn run(data: &[u8]) {
    let shared = &*SHARED;
    let Ok(text) = std::str::from_utf8(data) else { return };
    memory::bounded(data, || {
        shared.runtime.block_on(async {
            let server = server(shared);
            for line in text.lines().take(MAX_CALLS) {
                call(&server, line).await;
            }
        });
    });
}

/// A server without episodes. No code is short enough to be run: direct tool calls need no interpreter.
fn server(shared: &Shared) -> Router {
    let limits = Limits { max_steps: 8, step: sandbox::Limits { code_bytes: 0, ..Default::default() } };
    let options = Options {
        server_name: None,
        max_episodes: 4,
        max_awake: 1,
        workers: 1,
        default_lease: Duration::from_secs(60),
        most_limits: limits.clone(),
        default_limits: limits,
        step_bytes: wire::step_bytes,
    };
    let catalog = Catalog::new(vec![shared.tasks.clone()]).expect("one set");
    let scheduler = Scheduler::new(1).expect("a thread");
    let registry = Arc::new(Registry::new(shared.sandbox.clone(), catalog, scheduler, options));
    let bounds = Bounds {
        request_bytes: MAX_REQUEST_BYTES,
        batch_steps: 1000,
        connections: 1,
        memory_bytes: shared.sandbox.budget().limit(),
    };
    let service = EnvironmentServiceServer::new(Service::new(registry, bounds));
    shared.protocols.serve(Routes::new(service))
}

/// Makes the call of a line, if it is one.
async fn call(server: &Router, line: &str) {
    let Some((request, is_web)) = request(line) else { return };
    let Ok(response) = server.clone().oneshot(request).await;
    let (head, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER_BYTES).await.expect("an answer");
    let is_fault = if is_web {
        head.headers.get("grpc-status").is_some_and(|code| code == "13")
            || body.windows(INTERNAL.len()).any(|window| window == INTERNAL)
    } else {
        head.status == StatusCode::INTERNAL_SERVER_ERROR
    };
    assert!(!is_fault, "the server says that it is at fault: {}", String::from_utf8_lossy(&body));
}

/// The request of a line, and whether it is one of gRPC-Web.
fn request(line: &str) -> Option<(Request<Body>, bool)> {
    let (method, rest) = line.split_once(' ')?;
    let body = rest.find('{').into_iter().chain(rest.find("0x")).min()?;
    let (words, body) = rest.split_at(body);
    let mut builder = Request::post(format!("{SERVICE}/{method}"));
    let mut caller = Caller::default();
    for word in words.split_whitespace() {
        match word.split_once('=') {
            None if word == "operator" => caller.role = Role::Operator,
            Some(("timeout", time)) => builder = builder.header("connect-timeout-ms", time),
            _ => {}
        }
    }
    let message = body.strip_prefix("0x").map(bytes);
    let kind = if message.is_some() { "application/grpc-web+proto" } else { "application/json" };
    let request = builder.header("content-type", kind).extension(caller);
    let sent = message.as_deref().map_or_else(|| body.to_owned().into(), frame);
    // It is none if the method is no path, or the time no header.
    Some((request.body(Body::from(sent)).ok()?, message.is_some()))
}

/// The bytes of hexadecimal digits. Other characters stand for digits, too, so that a changed digit is one.
fn bytes(digits: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map_or(byte & 15, |digit| digit as u8);
    digits.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// A message as gRPC frames it.
fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).expect("inputs are short"));
    framed.put_slice(message);
    framed.freeze()
}
