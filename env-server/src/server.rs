//! Episodes behind gRPC.
//!
//! | file         | what                                                  |
//! |--------------|-------------------------------------------------------|
//! | `run`        | a server's life: listener, health, sweeping, shutdown |
//! | `service`    | one handler for each call                             |
//! | `steps`      | the steps of one call: a stream, a batch              |
//! | `hosting`    | the stream of a tool host                             |
//! | `in_flight`  | requests and answers under way, and what they hold    |
//! | `status`     | errors as gRPC statuses that name the field           |
//! | `bounds`     | what a server allows, as it tells it                  |
//! | `exposition` | what `/metrics` shows, in Prometheus's formats        |
//! | `page`       | writes what is read when `/metrics` is                |
//! | `state`      | what is read then of episodes, memory, connections    |
//! | `process`    | what is read then of the process                      |

mod bounds;
mod exposition;
mod hosting;
mod in_flight;
mod page;
mod process;
mod run;
mod service;
mod state;
mod status;
mod steps;

pub use bounds::Bounds;
pub use run::Server;
pub use service::Service;
