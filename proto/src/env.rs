//! The environment's gRPC package; its exchange is documented in
//! `proto/runtime_gym/env/v1/env.proto`.

/// Version 1.
#[allow(missing_docs, clippy::all, rustdoc::all)] // generated; documented in the .proto
pub mod v1 {
    tonic::include_proto!("runtime_gym.env.v1");
}

/// An error kind's name in trace files: `exception`, `tool_call_limit`, ...
pub fn error_kind_name(kind: v1::ErrorKind) -> String {
    kind.as_str_name().trim_start_matches("ERROR_KIND_").to_lowercase()
}

/// An end reason's name in trace files: `finished`, `max_steps`, ...
pub fn end_reason_name(reason: v1::EndReason) -> String {
    reason.as_str_name().trim_start_matches("END_REASON_").to_lowercase()
}
