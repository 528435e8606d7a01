//! Statistics on plain slices of numbers; knows nothing of episodes or files.
//!
//! | module         | what                                                              |
//! |----------------|-------------------------------------------------------------------|
//! | [`describe`]   | mean, standard deviations, median, quantiles                      |
//! | [`interval`]   | an interval, and a number with one                                |
//! | [`bootstrap`]  | percentile intervals by resampling units                          |
//! | [`proportion`] | shares in clusters: Wilson's and Clopper and Pearson's intervals  |
//! | [`wilcoxon`]   | Wilcoxon signed-rank test, rank-biserial correlation              |
//! | [`mcnemar`]    | McNemar's test in clusters, odds ratio                            |
//! | [`holm`]       | correction for several tests                                      |
//! | [`survival`]   | Kaplan and Meier's curve of those without an event                |
//! | [`detectable`] | what difference could have been seen                              |

pub mod bootstrap;
pub mod describe;
pub mod detectable;
pub mod holm;
pub mod interval;
pub mod mcnemar;
pub mod proportion;
mod ranks;
mod sign_flips;
pub mod survival;
pub mod wilcoxon;
