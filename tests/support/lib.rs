//! What the tests across processes share: the built programs, a running
//! environment server, and an episode on it.

mod episode;
mod programs;
mod server;

pub use episode::{Episode, code_step, create_request, tool_step};
pub use programs::{fixtures, knapsack_task, program, root};
pub use server::EnvServer;
