//! The inference server's gRPC package; its exchange is documented in
//! `proto/runtime_gym/inference/v1/inference.proto`.

/// The package's encoded `FileDescriptorSet`, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/inference.bin"));

/// Version 1.
#[allow(missing_docs, clippy::all, rustdoc::all)] // generated; documented in the .proto
pub mod v1 {
    tonic::include_proto!("runtime_gym.inference.v1");
}
