//! Statistics on plain slices of numbers; knows nothing of episodes or files.
//!
//! | module        | what                                                        |
//! |---------------|-------------------------------------------------------------|
//! | [`describe`]  | mean, population standard deviation, median, quantiles      |
//! | [`wilcoxon`]  | Wilcoxon signed-rank test, rank-biserial correlation        |
//! | [`bootstrap`] | percentile intervals by resampling units                    |

pub mod bootstrap;
pub mod describe;
pub mod wilcoxon;
