//! Episodes behind gRPC.
//!
//! | file      | what                                                  |
//! |-----------|-------------------------------------------------------|
//! | `run`     | a server's life: listener, health, sweeping, shutdown |
//! | `service` | one handler for each call                             |
//! | `steps`   | the steps of one call: a stream, a batch              |
//! | `status`  | errors as gRPC statuses that name the field           |
//! | `metrics` | latency histograms                                    |

mod metrics;
mod run;
mod service;
mod status;
mod steps;

pub use run::Server;
