//! Statistics on plain slices of numbers. These modules know no episodes and no files.
//!
//! | module         | what it holds                                                    |
//! |----------------|------------------------------------------------------------------|
//! | [`describe`]   | mean, standard deviations, median, quantiles                     |
//! | [`interval`]   | an interval, and a number with one                               |
//! | [`bootstrap`]  | percentile intervals by resampling units                         |
//! | [`proportion`] | shares in clusters: Wilson's and Clopper and Pearson's intervals |
//! | [`wilcoxon`]   | Wilcoxon signed-rank test, rank-biserial correlation             |
//! | [`mcnemar`]    | McNemar's test in clusters, odds ratio                           |
//! | [`holm`]       | correction for several tests                                     |
//! | [`seeds`]      | means over few repeats                                           |
//! | [`survival`]   | Kaplan and Meier's estimate of survival without an event         |
//! | [`detectable`] | the smallest difference that a sample shows                      |

pub mod bootstrap;
pub mod describe;
pub mod detectable;
pub mod holm;
pub mod interval;
pub mod mcnemar;
pub mod proportion;
mod ranks;
pub mod seeds;
mod sign_flips;
mod signed_ranks;
pub mod survival;
pub mod wilcoxon;
mod zeros;
