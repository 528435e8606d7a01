//! An engine behind gRPC and HTTP, on one port.
//!
//! | file      | what it holds                                                  |
//! |-----------|----------------------------------------------------------------|
//! | `run`     | the server, by the common harness                              |
//! | `serving` | what both protocols serve: engine, model name, prompts         |
//! | `grpc`    | `runtime_gym.inference.v1`: one thin handler per call          |
//! | `convert` | protobuf messages from and to the engine's types               |
//! | `error`   | why a call fails                                               |
//! | `status`  | errors as gRPC statuses that name the field                    |
//! | `http`    | the part of OpenAI's chat protocol that agents use, as in vLLM |

mod convert;
mod error;
mod grpc;
mod http;
mod run;
mod serving;
mod status;

pub use error::{Error, Result};
pub use http::Options;
pub use run::Server;
pub use serving::{Identity, SamplingDefaults, Serving};
