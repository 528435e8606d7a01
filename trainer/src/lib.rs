//! The trainer: Qwen3 on libtorch, and adapters for it.
//!
//! | module        | what it holds                                                            |
//! |---------------|--------------------------------------------------------------------------|
//! | [`model`]     | Qwen3: its config, its layers, its folders as Hugging Face lays them out |
//! | [`nf4`]       | weights in four bits, as bitsandbytes stores them                        |
//! | [`lora`]      | adapters, in PEFT's files                                                |
//! | [`weights`]   | named tensors in safetensors files                                       |
//! | [`init`]      | a new model: its own tokenizer, random weights                           |
//! | [`chat`]      | conversations, and a model's chat template                               |
//! | [`tokenizer`] | text to token ids and back                                               |
//! | [`corpus`]    | conversations and texts, read from traces, chat files and text files     |
//! | [`prepare`]   | conversations to samples: which tokens bear loss, what is cut            |
//! | [`dataset`]   | prepared samples, and the record of where they came from                 |
//! | [`look`]      | a sample as a person reads it                                            |
//! | [`train`]     | the loop: data order, loss, optimiser, checkpoints, metrics              |
//! | [`generate`]  | answers from a model, many at once                                       |
//! | [`serve`]     | the same over gRPC and HTTP                                              |
//! | [`digest`]    | SHA-256 of what a run read                                               |
//! | [`cuda`]      | the part of libtorch that is there only on machines with a GPU           |
//!
//! The crate knows nothing of episodes, tools or rewards, but for traces, which it reads in `corpus`. What comes from
//! outside (files, configs, shapes of stored tensors) is checked where it is read and refused with an [`Error`] that
//! names file and key; after that a tensor operation that fails is a bug, or the memory's end, and panics.

pub mod chat;
pub mod corpus;
pub mod cuda;
pub mod dataset;
pub mod digest;
mod error;
pub mod generate;
pub mod init;
mod json;
pub mod look;
pub mod lora;
pub mod model;
pub mod nf4;
pub mod prepare;
pub mod serve;
pub mod tokenizer;
pub mod train;
pub mod weights;

use std::path::Path;

pub use error::{Error, Result};

/// The trainer's version (semver).
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The git commit it was built from, `-dirty` where the tree differed; empty if unknown.
pub const COMMIT: &str = env!("GIT_COMMIT");

/// Refuses a folder that is to be written but holds something; before long work, so that it is not in vain.
///
/// # Errors
/// [`Error::NotEmpty`], or [`Error::File`] if it cannot be looked into.
pub fn check_vacant(path: &Path) -> Result<()> {
    match path.exists() && std::fs::read_dir(path).map_err(Error::file(path))?.next().is_some() {
        true => Err(Error::NotEmpty { path: path.into() }),
        false => Ok(()),
    }
}

/// Makes a folder; one that holds something is refused.
fn new_folder(path: &Path) -> Result<()> {
    check_vacant(path)?;
    std::fs::create_dir_all(path).map_err(Error::file(path))
}
