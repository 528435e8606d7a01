//! Episodes behind gRPC.
//!
//! | file      | what                                                  |
//! |-----------|-------------------------------------------------------|
//! | `run`     | a server's life: listener, health, sweeping, shutdown |
//! | `service` | one handler for each call                             |
//! | `status`  | errors as gRPC statuses that name the field           |
//! | `metrics` | latency histograms                                    |

mod metrics;
mod run;
mod service;
mod status;

pub use run::Server;
