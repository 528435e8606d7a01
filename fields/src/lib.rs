//! The one reader of configs: a JSON or YAML document becomes typed values, and every problem in it is reported at
//! once, each with the path of its key.
//!
//! serde stops at the first problem. Whoever writes a config is helped more by all of them, with a suggestion for a
//! misspelt key.
//!
//! | module        | what it holds                                                 |
//! |---------------|---------------------------------------------------------------|
//! | [`Problem`]   | one thing that is wrong: a path and a rule                    |
//! | [`Place`]     | where in the document a reader is; it records problems        |
//! | [`FromJson`]  | types that a value can be read into                           |
//! | [`Fields`]    | an object whose keys are known names; other keys are problems |
//! | [`Entries`]   | an object whose keys are data                                 |
//! | [`object!`]   | implements [`FromJson`] for a struct, from a list of its keys |
//! | [`words!`]    | implements [`FromJson`] for an enum, from a list of its words |
//! | [`from_yaml`] | YAML text as a value                                          |
//! | [`nearest`]   | the known word that a misspelt one may stand for              |
//!
//! This crate knows no config: which keys there are is said where the config's type is declared.

mod entries;
mod from_json;
mod macros;
mod nearest;
mod object;
mod place;
mod problem;
mod yaml;

pub use entries::Entries;
pub use from_json::{FromJson, elements};
#[doc(hidden)]
pub use macros::one_of;
pub use nearest::nearest;
pub use object::{Fields, unknown_key};
pub use place::{Collector, Place};
pub use problem::{Problem, Problems};
pub use yaml::from_yaml;

/// Reads a whole document into a typed value.
///
/// # Errors
/// Everything that is wrong in it.
pub fn read<T: FromJson>(document: &serde_json::Value) -> Result<T, Problems> {
    let collector = Collector::default();
    let value = T::from_json(document, &collector.root());
    collector.finish(value)
}

/// Reads a whole YAML document into a typed value.
///
/// # Errors
/// Everything that is wrong in it; where it is not YAML, what the parser says.
pub fn read_yaml<T: FromJson>(text: &str) -> Result<T, Problems> {
    read(&from_yaml(text)?)
}
