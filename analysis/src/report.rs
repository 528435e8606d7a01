//! A study's report, computed from its results alone: a page, Markdown, figures and LaTeX tables.
//!
//! | module         | what it holds                                       |
//! |----------------|-----------------------------------------------------|
//! | [`whole`]      | the whole report: its sections in order             |
//! | [`document`]   | sections of blocks, which become Markdown or a page |
//! | [`group`]      | the cells of a task set, compared                   |
//! | [`measured`]   | one cell of a task set                              |
//! | [`cells`]      | the numbers of each cell: the square and the tables |
//! | [`words`]      | the aims, and the tests in words                    |
//! | [`ablations`]  | other studies beside this one                       |
//! | [`figures`]    | the figures, and the numbers that they show         |
//! | [`learning`]   | what policies that learnt from their episodes did   |
//! | [`provenance`] | programs, machine, inputs, and durations            |
//! | `write`        | the files                                           |
//! | `page`         | the page                                            |
//! | [`marked`]     | the generated parts of a document that people write |

pub mod ablations;
pub mod cells;
pub mod document;
pub mod figures;
pub mod group;
pub mod learning;
pub mod marked;
pub mod measured;
mod page;
pub mod provenance;
pub mod whole;
pub mod words;
mod write;
