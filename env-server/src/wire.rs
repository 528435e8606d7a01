//! Conversions between the protocol's messages (`proto::env::v1`) and the types of this crate.
//!
//! | file      | what it converts                                                             |
//! |-----------|------------------------------------------------------------------------------|
//! | `request` | what clients ask for. Every message can be decoded: [`crate::episode`] checks it |
//! | `answer`  | what the server answers, apart from steps                                    |
//! | `step`    | steps, both ways                                                             |
//!
//! Apart from the handlers in [`crate::server`], only this module knows the messages.

mod answer;
mod request;
mod step;

pub use step::{error_kind, step_bytes};
