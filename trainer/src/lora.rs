//! LoRA: the change of a matrix as the product of two thin ones, in PEFT's files.
//!
//! | file      | what it holds                                              |
//! |-----------|------------------------------------------------------------|
//! | `config`  | an adapter's settings, `adapter_config.json`               |
//! | `target`  | the matrices of a layer                                    |
//! | `modules` | which matrices an adapter changes                          |
//! | `matrix`  | the change of one matrix                                   |
//! | `adapter` | the changes of all matrices, read from a folder            |
//! | `attach`  | adapters on a model: attach, list                          |
//! | `merge`   | adds adapters to the weights                               |
//! | `folder`  | load an adapter onto a model, save the one that it carries |
//! | `layout`  | PEFT's names of files and tensors                          |

mod adapter;
mod attach;
mod config;
mod folder;
mod layout;
mod matrix;
mod merge;
mod modules;
mod target;

pub use adapter::{Adapter, MatrixInfo};
pub use attach::{attach, matrices, tensors, without};
pub use config::Config;
pub use folder::{load, save};
pub use layout::{CONFIG, WEIGHTS};
pub use matrix::Lora;
pub use merge::merge;
pub use modules::{Modules, Names};
pub use target::Target;
