//! What strangers write, run through everything that reads it: the bodies of the fuzz targets.
//!
//! | module        | what it holds                                                                  |
//! |---------------|--------------------------------------------------------------------------------|
//! | [`task_file`] | task files: loaded, opened, played by direct tool calls                        |
//! | [`request`]   | requests: through the gateway, the service and a registry, without a port      |
//! | [`config`]    | configs: through every reader that needs no libtorch                           |
//! | [`mutate`]    | changes a document's values, so that most of what is tried is still a document |
//! | [`memory`]    | bounds the memory that an input may take                                       |
//! | `scratch`     | a folder for the files that readers want                                       |
//!
//! `fuzz_targets` has libFuzzer call them; `tests/corpora.rs` runs the inputs in `corpus` through them.

pub mod config;
pub mod memory;
pub mod mutate;
pub mod request;
mod scratch;
pub mod task_file;

/// One more run of a target, on an input. It panics where the input shows a fault.
pub type Run = fn(&[u8]);

/// All targets by their names, which are those of their corpora.
pub const TARGETS: [(&str, Run); 3] =
    [("task_file", task_file::run), ("request", request::run), ("config", config::run)];
