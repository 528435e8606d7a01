//! How programs begin and end: servers, their logs, and signals. The same for all of them.
//!
//! | module        | what it holds                                                           |
//! |---------------|-------------------------------------------------------------------------|
//! | [`bind`]      | the address that a server listens on, and the line that says so         |
//! | [`Server`]    | a server's life: health, reflection, gRPC-Web, JSON over HTTP, draining |
//! | [`Access`]    | who may call a server: tokens, TLS, addresses                           |
//! | [`Caller`]    | who makes a call                                                        |
//! | [`Quota`]     | how much a tenant may use                                               |
//! | [`Deadline`]  | when a call's client stops waiting                                      |
//! | [`shutdown`]  | the signal to stop a server                                             |
//! | [`telemetry`] | the log on standard error                                               |
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
mod connect;
mod connection;
mod deadline;
pub mod interrupt;
mod open_files;
mod quota;
mod reload;
mod seldom;
mod server;
mod stalled;
mod stop_signal;
pub mod telemetry;
mod tls;
mod tokens;

pub use access::{Access, AccessOptions};
pub use address::{announce, bind};
pub use caller::{Caller, Role};
pub use deadline::Deadline;
pub use interrupt::Interrupt;
pub use quota::Quota;
pub use server::{DRAIN, Error, Server, run_to_end};
pub use stop_signal::shutdown;
pub use tokens::check_tenant;
