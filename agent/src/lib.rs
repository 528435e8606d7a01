//! The agent: a model's words in, actions out.
//!
//! | module          | what it holds                                                      |
//! |-----------------|--------------------------------------------------------------------|
//! | [`config`]      | the run config (YAML), parsed once into typed values               |
//! | [`model`]       | the one trait every model client implements, and the clients       |
//! | [`fence`]       | finding the code block in a model's answer                         |
//! | [`prompt`]      | every text that a model is shown                                   |
//! | [`server`]      | an environment server of the run's own, beside the agent           |
//! | [`codeact`]     | one episode: turns of reasoning and code                           |
//! | [`recorder`]    | the trace of an episode while it is being written                  |
//! | [`page`]        | a trace as a web page                                              |
//! | [`run`]         | many episodes: plan, resume, progress, result files                |
//!
//! The agent knows no task rules and reads no task files: those hold hidden
//! data. All it learns of a task, it learns from the server.

pub mod codeact;
pub mod config;
pub mod fence;
pub mod model;
pub mod page;
pub mod prompt;
pub mod recorder;
pub mod reply;
pub mod run;
pub mod server;

/// The agent's version (semver).
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The git commit it was built from, `-dirty` where the tree differed; empty
/// if unknown.
pub const COMMIT: &str = env!("GIT_COMMIT");
