//! A study's results in one small file: everything that the report needs, without models and traces.
//!
//! | module          | what it holds                                                 |
//! |-----------------|---------------------------------------------------------------|
//! | [`cell`]        | the evaluation episodes of one cell, and their tasks          |
//! | [`row`]         | an evaluation episode as a row; the rows of a cell as columns |
//! | [`curve`]       | a training and its loss over steps                            |
//! | [`learning`]    | what such a training measured of its episodes                 |
//! | [`example`]     | one task under the four cells, side by side                   |
//! | [`file`]        | the file: format, reading, writing                            |
//! | `layout`        | JSON text that is small and readable                          |
//! | [`mod@collect`] | the results of a study's folder                               |
//! | [`points`]      | a value over steps, thinned                                   |
//! | `open`          | a folder or a file, whichever a path is                       |

pub mod cell;
pub mod collect;
pub mod curve;
pub mod example;
pub mod file;
mod layout;
pub mod learning;
mod open;
pub mod points;
pub mod row;
