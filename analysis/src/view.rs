//! The console over files: a page, and what it reads of traces and studies below some paths. Only reading.
//!
//! | module     | what it holds                                                  |
//! |------------|----------------------------------------------------------------|
//! | [`found`]  | the traces and studies below paths, and their ids              |
//! | [`row`]    | a trace as a row of the index, read without most of its text   |
//! | [`index`]  | the rows, which grow while traces are read                     |
//! | [`study`]  | a study and its report, as the page reads them                 |
//! | [`server`] | the page and its data over HTTP, for this machine's browsers   |

pub mod found;
pub mod index;
pub mod row;
pub mod server;
pub mod study;
