//! The server as a program: gRPC and HTTP on one port, adapters changed while serving, callers that hang up.

mod client;
mod completions;
mod grpc;
mod http;
mod recorded;
