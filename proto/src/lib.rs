//! Every schema that crosses a process or file boundary, and nothing else.
//!
//! | module          | boundary                                                    |
//! |-----------------|-------------------------------------------------------------|
//! | [`env`]         | gRPC `runtime_gym.env.v1`: episodes                         |
//! | [`inference`]   | gRPC `runtime_gym.inference.v1`: text generation            |
//! | [`task`]        | task files and their manifest                               |
//! | [`trace`]       | trace files (`.trace.json`)                                 |
//! | [`run`]         | result, status and summary files of a run                   |
//! | [`files`]       | reading and atomically writing JSON files                   |
//! | [`client`]      | connecting to a server; what a failed call says to a person |
//! | [`python_json`] | JSON as Python writes it                                    |
//!
//! This crate depends on no other crate of the workspace, and it holds no
//! behaviour: no task rules, no interpreter, no statistics.

pub mod client;
pub mod env;
pub mod files;
pub mod inference;
pub mod python_json;
pub mod run;
pub mod study;
pub mod task;
pub mod trace;

/// The encoded `FileDescriptorSet` of both packages, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
