//! The trainer: Qwen3 on libtorch, and adapters for it.
//!
//! | module      | what it holds                                                            |
//! |-------------|--------------------------------------------------------------------------|
//! | [`model`]   | Qwen3: its config, its layers, its folders as Hugging Face lays them out |
//! | [`nf4`]     | weights in four bits, as bitsandbytes stores them                        |
//! | [`lora`]    | adapters, in PEFT's files                                                |
//! | [`weights`] | named tensors in safetensors files                                       |
//! | [`chat`]    | conversations, and a model's chat template                               |
//! | [`tokenizer`] | text to token ids and back                                             |
//! | [`dataset`] | prepared samples: token ids, and which of them bear loss                 |
//! | [`train`]   | the training loop, from a config to an adapter or a model                |
//! | [`digest`]  | SHA-256 of what a run read                                               |
//! | [`cuda`]    | the part of libtorch that is there only on machines with a GPU           |
//!
//! The crate knows nothing of episodes, tools or rewards. What comes from outside (files, configs, shapes of
//! stored tensors) is checked where it is read and refused with an [`Error`] that names file and key; after that
//! a tensor operation that fails is a bug, or the memory's end, and panics.

pub mod chat;
pub mod cuda;
pub mod dataset;
pub mod digest;
mod error;
mod json;
pub mod lora;
pub mod model;
pub mod nf4;
pub mod tokenizer;
pub mod train;
pub mod weights;

pub use error::{Error, Result};
