//! Generation: many sequences continued at once, each with its own adapter, sampling and end.
//!
//! | file       | what                                                                  |
//! |------------|-----------------------------------------------------------------------|
//! | `request`  | what is asked for, and its bounds                                     |
//! | `answer`   | what comes of it, in pieces and whole                                 |
//! | `handle`   | where requests are handed in and adapters changed; cheap to clone     |
//! | `engine`   | the thread that owns model and cache                                  |
//! | `turns`    | its loop                                                              |
//! | `sequence` | one request under way                                                 |
//! | `slots`    | which sequence lies where in the cache, and what of it can be reused  |
//! | `sampling` | from logits to a token                                                |
//! | `logprobs` | how likely tokens were                                                |
//! | `text`     | from tokens to text, whole characters at a time                       |
//! | `stop`     | strings that end an answer                                            |
//! | `memory`   | whether the cache fits                                                |
//!
//! Every turn of the engine's loop takes in new requests, reads a bounded number of prompt tokens, and then adds one
//! token to every answer under way: requests join and leave at any step. A request whose [`Answering`] is
//! dropped ends before the next step.
//!
//! What a sequence becomes does not depend on its neighbours, but for rounding: matrix products of other sizes may
//! sum in another order.

mod answer;
mod engine;
mod error;
mod handle;
mod logprobs;
mod memory;
mod request;
mod sampling;
mod sequence;
mod slots;
mod stop;
mod text;
mod turns;

pub use answer::{Answer, Answering, Event, Finish, Piece, StoppedBy, TokenLogprob};
pub use engine::{Engine, Options};
pub use error::{Error, Result};
pub use handle::{AdapterInfo, Handle};
pub use memory::default_batch;
pub use request::{MAX_ALTERNATIVES, MAX_STOPS, Request};
pub use sampling::Sampling;
