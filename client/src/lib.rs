//! Clients of the servers: connections, calls that survive a lost answer, and what a failed call says.
//!
//! | module          | what it holds                                                            |
//! |-----------------|--------------------------------------------------------------------------|
//! | `connect`       | connections to both servers: [`connect()`], [`connect_inference`]        |
//! | `credentials`   | tokens, and roots of certificates: [`Credentials`]                       |
//! | `environment`   | the environment server's calls, repeated until answered: [`Environment`] |
//! | `environments`  | several servers as one: [`Environments`]                                 |
//! | `rest`          | a server that failed is left alone for a while: [`Rest`]                 |
//! | `retry`         | which calls to repeat, and when: [`Retry`], [`is_unreachable`]           |
//! | `status`        | what a failed call says: [`explain`], [`reason`], [`retry_after`]        |
//! | `random`        | random numbers for waiting and choosing                                  |
//! | `trace_context` | a call as a part of the caller's trace: [`add_trace_context`]            |
//!
//! This crate knows no agent and no task, so that clients in any program, or in another language, can build
//! on it.

mod connect;
mod credentials;
mod environment;
mod environments;
mod random;
mod rest;
mod retry;
mod status;
mod trace_context;

pub use connect::{ConnectError, EnvClient, InferenceClient, connect, connect_as, connect_inference};
pub use credentials::{Bearer, Credentials};
pub use environment::{Environment, StepStream};
pub use environments::{CallError, Environments, GroupError, Server, StepStreams};
pub use rest::Rest;
pub use retry::{Retry, is_unreachable};
pub use status::{end_reason, explain, reason, retry_after};
pub use trace_context::add_trace_context;
