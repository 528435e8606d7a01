//! Calling the servers: connections, calls that survive a lost answer, and what a failed call says.
//!
//! | module          | what it holds                                                               |
//! |-----------------|-----------------------------------------------------------------------------|
//! | [`connect`]     | connections to the environment server and to the inference server           |
//! | [`Environment`] | the environment server's calls, each repeated until it is answered          |
//! | [`retry`]       | which failures are worth another attempt, and how long to wait before it    |
//! | [`status`]      | what a failed call says: to a person, and to a program                      |
//!
//! This crate knows no agent and no task: it is what a client in any program, or in another language, builds on.

pub mod connect;
mod environment;
pub mod retry;
pub mod status;

pub use connect::{ConnectError, EnvClient, InferenceClient, connect, connect_inference};
pub use environment::Environment;
pub use retry::{Retry, is_unreachable};
pub use status::{explain, reason, retry_after};
