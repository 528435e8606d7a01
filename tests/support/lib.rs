//! Shared parts of the tests across processes: the built programs, a running environment server, an episode on it, and a
//! browser.

mod chromium;
mod episode;
mod guarded;
mod interrupted;
mod metrics;
mod programs;
mod server;
mod status;
mod stored;
mod tables;

pub use chromium::{Chromium, Colours};
pub use episode::{Episode, code_step, create_request, tool_step};
pub use guarded::{Guarded, token_line};
pub use interrupted::until_interrupted;
pub use metrics::Metrics;
pub use programs::{fixtures, knapsack_task, program, root, tiny_tasks};
pub use server::EnvServer;
pub use status::{field, reason};
pub use stored::Stored;
pub use tables::table;
