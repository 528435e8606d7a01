//! The trainer: Llama, Qwen2 and Qwen3 on libtorch, and adapters for them.
//!
//! | module        | what it holds                                                            |
//! |---------------|--------------------------------------------------------------------------|
//! | [`model`]     | models: config, layers, and folders as Hugging Face lays them out        |
//! | [`nf4`]       | weights in four bits, as bitsandbytes stores them                        |
//! | [`lora`]      | adapters, in PEFT's files                                                |
//! | [`weights`]   | named tensors in safetensors files                                       |
//! | [`init`]      | new models: a tokenizer trained on a corpus, random weights              |
//! | [`chat`]      | chat templates                                                           |
//! | [`message`]   | messages of chat files and requests                                      |
//! | [`tokenizer`] | text to token ids and back                                               |
//! | [`corpus`]    | conversations and texts, read from traces, chat files and text files     |
//! | [`prepare`]   | from conversations to samples: which tokens bear loss, what is cut       |
//! | [`dataset`]   | prepared samples, and the record of their provenance                     |
//! | [`look`]      | a sample as readable text                                                |
//! | [`train`]     | training: data order, objective, optimizer, checkpoints, metrics         |
//! | [`generate`]  | generation: continuous batching on a thread of its own                   |
//! | [`serve`]     | generation over gRPC and HTTP                                            |
//! | [`digest`]    | SHA-256 of input files                                                   |
//! | [`cuda`]      | libtorch's CUDA part, on machines with a GPU                             |
//! | [`openmp`]    | how libtorch's threads wait for each other                               |
//!
//! The crate knows no tasks and no tools. Of episodes it knows what `corpus` reads in traces, and what the agent that plays
//! them tells `train::grpo`. Input (files, configs,
//! shapes of stored tensors) is checked where it is read and refused with an [`Error`] that names file and
//! key. After that, a failing tensor operation is a bug or exhausted memory, and panics.

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
pub mod message;
pub mod model;
pub mod nf4;
pub mod openmp;
pub mod prepare;
pub mod serve;
pub mod tokenizer;
pub mod train;
pub mod weights;

use std::path::Path;

pub use error::{Error, Result};

/// The trainer's version (semver).
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The git commit that it was built from, with `-dirty` if files differed; empty if unknown.
pub const COMMIT: &str = env!("GIT_COMMIT");

/// Refuses an output folder that is not empty. Called before long work, so that the work is not lost.
///
/// # Errors
/// [`Error::NotEmpty`], or [`Error::File`] if it cannot be read.
pub fn check_vacant(path: &Path) -> Result<()> {
    match path.exists() && std::fs::read_dir(path).map_err(Error::file(path))?.next().is_some() {
        true => Err(Error::NotEmpty { path: path.into() }),
        false => Ok(()),
    }
}

/// Creates a folder; refuses one that is not empty.
fn new_folder(path: &Path) -> Result<()> {
    check_vacant(path)?;
    std::fs::create_dir_all(path).map_err(Error::file(path))
}
