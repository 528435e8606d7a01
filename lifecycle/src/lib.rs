//! How programs begin and end: servers, their logs, and signals. The same for all of them.
//!
//! | module        | what it holds                                                           |
//! |---------------|-------------------------------------------------------------------------|
//! | [`bind`]      | the address that a server listens on, and the line that says so         |
//! | [`Listener`]  | an address of the network, or a Unix socket                             |
//! | [`Server`]    | a server's life: health, reflection, gRPC-Web, JSON over HTTP, draining |
//! | [`Protocols`] | gRPC, gRPC-Web and JSON over HTTP for services, without a server        |
//! | [`Access`]    | who may call a server: tokens, TLS, addresses                           |
//! | [`Caller`]    | who makes a call                                                        |
//! | [`Quota`]     | how much a tenant may use                                               |
//! | [`Metrics`]   | what a server shows at `/metrics`; [`Traffic`] is what it counts itself |
//! | [`Deadline`]  | when a call's client stops waiting                                      |
//! | [`shutdown`]  | the signal to stop a server                                             |
//! | [`telemetry`] | the log on standard error; spans, sent to a collector                   |
//! | [`Interrupt`] | Ctrl-C and its like, counted, for programs that end their work in order |
//! | [`child`]     | a server as a child process: started, waited for, stopped               |
//!
//! This crate knows no service and no schema.

mod accept;
mod access;
mod address;
mod authentication;
mod caller;
pub mod child;
mod code;
mod connect;
mod connection;
mod deadline;
mod drain;
pub mod interrupt;
mod listener;
mod metrics_page;
mod open_files;
mod probes;
mod protocols;
mod quota;
mod reload;
mod seldom;
mod serve;
mod server;
mod socket_file;
mod stalled;
mod stop_signal;
pub mod telemetry;
mod tls;
mod tokens;
mod traced;
mod traffic;
mod undecodable;

pub use access::{Access, AccessOptions};
pub use address::{announce, bind};
pub use caller::{Caller, Role};
pub use code::code_name;
pub use deadline::Deadline;
pub use interrupt::Interrupt;
pub use listener::Listener;
pub use metrics_page::{Metrics, MetricsFormat};
pub use protocols::Protocols;
pub use quota::Quota;
pub use server::{DRAIN, Error, Server, run_to_end};
pub use stop_signal::shutdown;
pub use tokens::check_tenant;
pub use traffic::{Count, Traffic};
pub use undecodable::undecodable;
