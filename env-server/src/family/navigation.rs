//! Navigation: walk an undirected graph of opaque nodes from a start to a goal. Only the neighbours of the current node
//! are visible.

mod config;
mod generate;
mod play;
mod tools;

pub use config::Config;
pub(crate) use generate::draw;
pub use play::Navigation;

/// The family's name.
pub const NAME: &str = "navigation";
