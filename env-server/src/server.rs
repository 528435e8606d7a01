//! Episodes behind gRPC.
//!
//! | file        | what                                                  |
//! |-------------|-------------------------------------------------------|
//! | `run`       | a server's life: listener, health, sweeping, shutdown |
//! | `service`   | one handler for each call                             |
//! | `steps`     | the steps of one call: a stream, a batch              |
//! | `in_flight` | requests and answers under way, and what they hold    |
//! | `status`    | errors as gRPC statuses that name the field           |
//! | `metrics`   | latency histograms                                    |

mod in_flight;
mod metrics;
mod run;
mod service;
mod status;
mod steps;

pub use run::Server;
