//! Llama, Qwen2 and Qwen3, dense: one decoder, whose [`Config`] says where the families differ.
//!
//! | file          | what it holds                                                            |
//! |---------------|--------------------------------------------------------------------------|
//! | `config`      | family and sizes: `config.json`                                          |
//! | `decoder`     | [`Model`]: embedding, layers and head                                    |
//! | `layer`       | one decoder layer: `attention` and `mlp`, each after a `norm`            |
//! | `linear`      | a matrix of a layer, with or without a bias and an adapter               |
//! | `matrix`      | its weight: dense, quantised, or in `blocks` for products with few rows  |
//! | `rope`        | rotary positions                                                         |
//! | `frequencies` | by how much their angles grow with the position                          |
//! | `batch`       | the tokens of a pass, their positions, and which of them attend to which |
//! | `pass`        | what all layers share during one pass                                    |
//! | `cache`       | the keys and values of earlier tokens                                    |
//! | `backward`    | the backward pass, with or without gradient checkpointing                |
//! | `source`      | where weights come from while a model is built                           |
//! | [`folder`]    | the model on disk                                                        |
//!
//! In shapes, `b` is the number of rows, `t` tokens per row, `h` the hidden size, `d` the size of a head.

mod attention;
mod backward;
mod batch;
mod blocks;
mod cache;
mod config;
mod decoder;
pub mod folder;
mod frequencies;
mod layer;
mod linear;
mod matrix;
mod mlp;
mod norm;
mod pass;
mod rope;
mod source;

pub use backward::Backward;
pub use batch::Batch;
pub use cache::{Cache, Row};
pub use config::{Config, Llama3, ModelType, RopeScaling, Yarn};
pub use decoder::Model;
pub use linear::Linear;
pub use matrix::Matrix;
pub use pass::Adapted;
pub use source::Source;
