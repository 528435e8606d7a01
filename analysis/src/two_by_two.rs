//! The 2x2 of training and runtime: its cells, the differences between them, and
//! whether the effect of one depends on the other.
//!
//! | module         | what                                                             |
//! |----------------|------------------------------------------------------------------|
//! | [`cell`]       | the four cells                                                   |
//! | [`outcome`]    | what is compared: score, solved, missing variables, tokens       |
//! | [`design`]     | runs read and paired by task and seed, or refused                |
//! | [`summary`]    | each cell by itself                                              |
//! | [`contrast`]   | what is subtracted from what                                     |
//! | [`comparison`] | a difference between cells, tested                               |
//! | [`report`]     | all of it, as it goes into a file                                |
//! | `text`         | all of it, for people                                            |
//!
//! The unit of everything is the task. Where seeds repeat, a task's episodes
//! stand together: its values are averaged over seeds for the signed-rank test,
//! its signs flip together in McNemar's, the bootstrap draws it whole. So tests
//! and intervals speak of other tasks for the models at hand; of other training
//! seeds, of which there are few, only the differences seed by seed speak.

pub mod cell;
pub mod comparison;
pub mod contrast;
pub mod design;
pub mod outcome;
pub mod report;
pub mod summary;
mod text;
