//! What a study found, in one small file: everything that its report is made
//! of, and nothing that is as large as a model or a trace.
//!
//! | module       | what                                                     |
//! |--------------|----------------------------------------------------------|
//! | [`file`]     | the file: format, reading, writing                       |
//! | [`row`]      | an evaluation episode in a row; a cell's rows in columns |
//! | [`curve`]    | a training run and its loss                              |
//! | [`example`]  | one task side by side under the four cells               |
//! | [`mod@collect`] | all of it from a study's folder                       |

pub mod collect;
pub mod curve;
pub mod example;
pub mod file;
mod layout;
pub mod row;
