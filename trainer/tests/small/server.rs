//! The server as a program: gRPC and HTTP on one port, adapters changed while it serves, callers that go away.

mod client;
mod grpc;
mod http;
