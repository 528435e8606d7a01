//! Conversions between the protocol's messages (`proto::env::v1`) and the types of this crate.
//!
//! | file         | what it converts                                                                 |
//! |--------------|----------------------------------------------------------------------------------|
//! | `hosting`    | what tool hosts offer, are asked and answer                                      |
//! | `request`    | what clients ask for. Every message can be decoded: [`crate::episode`] checks it |
//! | `answer`     | what the server answers, except steps                                            |
//! | `step`       | steps, both ways                                                                 |
//! | `error_kind` | how a step of code failed                                                        |
//!
//! Apart from the handlers in [`crate::server`], only this module knows the messages.

mod answer;
mod error_kind;
mod hosting;
mod request;
mod step;

pub use answer::{durability, task_sets};
pub use error_kind::error_kind;
pub use hosting::host_call;
pub use request::steps;
pub use step::step_bytes;
