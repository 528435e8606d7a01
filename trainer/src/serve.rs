//! An engine behind gRPC and HTTP, on one port.
//!
//! | file      | what                                                          |
//! |-----------|---------------------------------------------------------------|
//! | `run`     | a server's life: listener, health, shutdown                   |
//! | `serving` | what both protocols serve: engine, names, prompts             |
//! | `grpc`    | `runtime_gym.inference.v1`: one thin handler a call           |
//! | `convert` | its messages from and to ours                                 |
//! | `status`  | errors as gRPC statuses that name the field                   |
//! | `http`    | the part of OpenAI's protocol that agents use, as vLLM has it |

mod convert;
mod error;
mod grpc;
mod http;
mod run;
mod serving;
mod status;

pub use error::{Error, Result};
pub use run::Server;
pub use serving::{Identity, SamplingDefaults, Serving};
