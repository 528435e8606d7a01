//! Opaque Knapsack: pack the most value into a knapsack of limited capacity. The items' weights, values and classes are
//! hidden until they are inspected, and a budget limits the inspections. Only some classes may be packed.

mod config;
mod generate;
mod optimum;
mod play;
mod tools;

pub use config::Config;
pub(crate) use generate::draw;
pub use play::Knapsack;

/// The family's name.
pub const NAME: &str = "knapsack";
