//! What a person is shown of an episode, turn by turn: on a trace's page and in a terminal.
//!
//! | module    | what it holds                                             |
//! |-----------|-----------------------------------------------------------|
//! | `reader`  | the events of a trace become turns                        |
//! | `turn`    | a turn                                                    |
//! | `names`   | names in the interpreter: new, changed, gone              |
//! | `call`    | calls of tools and their answers                          |
//! | `budget`  | what a turn used up, and what is left                     |
//! | `failure` | why a turn failed, and in which line                      |
//! | `python`  | Python in pieces that are coloured                        |
//! | `words`   | numbers and times as a person reads them                  |

mod budget;
mod call;
mod failure;
mod names;
pub mod python;
mod reader;
mod turn;
pub mod words;

pub use budget::Budget;
pub use names::{Change, Fate};
pub use reader::Reader;
pub use turn::Turn;
