//! Reading and writing files: errors name the file, and a write is whole or absent.
//!
//! | module      | what it holds                                          |
//! |-------------|--------------------------------------------------------|
//! | [`json`]    | JSON and text files, read whole and written atomically |
//! | [`archive`] | the JSON files in a `.tar.gz`                          |
//! | [`digest`]  | SHA-256 of files, in hexadecimal                       |
//!
//! This crate knows no schema; those are in `proto`.

pub mod archive;
pub mod digest;
mod error;
pub mod json;

pub use error::Error;
pub use json::{read_json, read_text, write_json, write_text};
