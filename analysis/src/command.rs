//! The commands. Each takes its arguments and returns the text for stdout. What it has to leave out is added
//! to `warnings`, for stderr.

pub mod collect;
pub mod compare;
pub mod failures;
pub mod main_table;
pub mod report;
pub mod trace_stats;
pub mod two_by_two;
pub mod view;
