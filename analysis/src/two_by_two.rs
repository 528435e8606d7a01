//! The 2x2 of training and runtime: its cells, the differences between them, and whether the effect of one
//! factor depends on the other.
//!
//! | module         | what it holds                                              |
//! |----------------|------------------------------------------------------------|
//! | [`cell`]       | the four cells                                             |
//! | [`outcome`]    | what is compared: score, solved, missing variables, tokens |
//! | [`options`]    | how a report is computed                                   |
//! | [`run`]        | one run of a cell, read from its folder                    |
//! | [`design`]     | runs paired by task and seed, or refused                   |
//! | [`summary`]    | the means of one cell                                      |
//! | [`contrast`]   | which cells are subtracted from which                      |
//! | [`comparison`] | a difference between cells, with its test                  |
//! | [`report`]     | the report, as it is written to a file                     |
//! | `text`         | the report as text for people                              |
//!
//! The unit is the task. With several seeds, a task's episodes are not independent: its values are averaged
//! over seeds for the signed-rank test, its signs flip together in McNemar's test, and the bootstrap draws it
//! whole. So tests and intervals are about other tasks for these models. Only the differences seed by seed
//! are about other training seeds, of which there are few.

pub mod cell;
pub mod comparison;
pub mod contrast;
pub mod design;
pub mod options;
pub mod outcome;
pub mod report;
pub mod run;
pub mod summary;
mod text;
