//! Zero differences in signed-rank tests.

use serde::Serialize;

/// How zero differences are treated; the first is scipy's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Zeros {
    /// They are dropped before ranking (Wilcoxon 1945; scipy's "wilcox").
    #[default]
    Drop,
    /// They are ranked, then their ranks are dropped (Pratt 1959; scipy's "pratt").
    Pratt,
    /// They are ranked, and each counts half as positive, half as negative (scipy's "zsplit").
    Split,
}
