//! What the agent does, through its commands and its runs.
//!
//! One program, since each would contain a whole client and server.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions only, not what they call

mod chat;
mod codeact;
mod faults;
mod habits;
mod openai;
mod run;
mod support;
mod teach;
