//! Rule diagnosis: find the parameters of a hidden integer rule, with a limited number of probes.

mod config;
mod generate;
mod play;
mod rule_family;
mod tools;

pub use config::Config;
pub(crate) use generate::draw;
pub use play::RuleDiagnosis;
pub use rule_family::RuleFamily;

/// The family's name.
pub const NAME: &str = "rule_diagnosis";
