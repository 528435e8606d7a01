//! Generation: many sequences are continued in one batch, each with its own adapter, sampling and end.
//!
//! | file        | what it holds                                                |
//! |-------------|--------------------------------------------------------------|
//! | `request`   | what a caller asks for, and its bounds                       |
//! | `answer`    | the answer, in pieces and whole                              |
//! | `handle`    | submits requests and changes adapters; cheap to clone        |
//! | `options`   | the limits of an engine                                      |
//! | `command`   | the messages from handles to the engine's thread             |
//! | `engine`    | the thread that runs it                                      |
//! | `scheduler` | its loop: continuous batching of prefill and decoding        |
//! | `sequence`  | one generation under way                                     |
//! | `slots`     | the assignment of sequences to cache slots, and prefix reuse |
//! | `choose`    | from rows of logits to the next tokens of a batch            |
//! | `sampling`  | from logits to a token                                       |
//! | `logprobs`  | log-probabilities of tokens                                  |
//! | `text`      | from tokens to text, whole characters at a time              |
//! | `stop`      | strings that end an answer                                   |
//! | `memory`    | whether the cache fits into memory                           |
//!
//! Every iteration of the engine's loop accepts new requests, prefills a bounded number of prompt tokens, and
//! decodes one token of every answer under way: requests join and leave at any step. If a [`Generation`] is
//! dropped, its generation ends before the next step.
//!
//! A sequence does not depend on its neighbours in the batch, except for rounding: matrix products of other
//! sizes may sum in another order.

mod answer;
mod choose;
mod command;
mod engine;
mod error;
mod handle;
mod logprobs;
mod memory;
mod options;
mod request;
mod sampling;
mod scheduler;
mod sequence;
mod slots;
mod stop;
mod text;

pub use answer::{Answer, Event, Finish, Generation, Piece, StoppedBy, TokenLogprob};
pub use engine::{Engine, run_here};
pub use error::{Error, Result};
pub use handle::{AdapterInfo, Handle};
pub use memory::default_batch;
pub use options::Options;
pub use request::{MAX_ALTERNATIVES, MAX_STOPS, Request};
pub use sampling::Sampling;
