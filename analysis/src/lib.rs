//! Statistics, tables and reports that compare conditions. Reads the files of runs; talks to no server.
//!
//! | module         | what it holds                                            |
//! |----------------|----------------------------------------------------------|
//! | [`command`]    | the commands of the binary, one file each                |
//! | [`run_files`]  | which files of a run belong to which episode             |
//! | [`load`]       | conditions of a folder, and their episodes one at a time |
//! | [`episode`]    | one episode: its result and its trace                    |
//! | [`scores`]     | the scores of one condition, by task                     |
//! | [`tool_calls`] | tool calls that happened, and tool names in code         |
//! | [`failures`]   | missing variables, failing steps, redundant work         |
//! | [`two_by_two`] | the four cells of training and runtime, compared         |
//! | [`main_table`] | the paper's results table, in LaTeX                      |
//! | [`turn`]       | the outcome of a turn, as one letter                     |
//! | [`results`]    | a study's results in one small file                      |
//! | [`report`]     | a study's report: page, Markdown, figures, tables        |
//! | [`figure`]     | figures, as SVG and PNG                                  |
//! | [`stats`]      | statistics on plain numbers                              |
//! | [`table`]      | tables for people                                        |
//! | [`view`]       | the console over files: a page, and what it reads        |
//! | `state_title`  | interpreter states with a capital letter                 |
//!
//! A condition is one agent in one run. An episode is one attempt at a task under a condition.

pub mod command;
pub mod episode;
pub mod failures;
pub mod figure;
pub mod load;
pub mod main_table;
pub mod report;
pub mod results;
pub mod run_files;
pub mod scores;
mod state_title;
pub mod stats;
pub mod table;
pub mod tool_calls;
pub mod turn;
pub mod two_by_two;
pub mod view;
