//! Qwen3, dense: decoder layers with grouped queries, normalised queries and keys, and rotary positions.
//!
//! From the outside in: [`Model`] is embedding, `layer`s and head; a layer is `attention` and `mlp`, each after a
//! `norm`; all their matrices are [`Linear`]s, which may be quantised and may carry an adapter. [`Batch`] says
//! which tokens see which, [`Cache`] holds what was computed of earlier ones; [`Config`] says the sizes; [`folder`] is the model on disk.
//!
//! In shapes, `b` is rows, `t` tokens a row, `h` the hidden size, `d` a head's size.

mod attention;
mod backward;
mod batch;
mod cache;
mod config;
pub mod folder;
mod layer;
mod linear;
mod mlp;
mod norm;
mod qwen3;
mod rope;
mod source;

pub use backward::Backward;
pub use batch::Batch;
pub use cache::Cache;
pub use config::Config;
pub use linear::{Adapted, Linear, Matrix};
pub use qwen3::Model;
pub use source::Source;
