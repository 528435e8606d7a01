//! Shared parts of the tests across processes: the built programs, a running environment server, an episode on it, and a
//! browser.

mod chromium;
mod episode;
mod guarded;
mod metrics;
mod programs;
mod server;
mod stored;

pub use chromium::{Chromium, Colours};
pub use episode::{Episode, code_step, create_request, tool_step};
pub use guarded::{Guarded, token_line};
pub use metrics::Metrics;
pub use programs::{fixtures, knapsack_task, program, root, tiny_tasks};
pub use server::EnvServer;
pub use stored::Stored;
