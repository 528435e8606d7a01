//! What differed between conditions, and whether it means anything: reads the
//! files of runs, writes tables. Talks to no server.
//!
//! | module                | what                                                     |
//! |-----------------------|----------------------------------------------------------|
//! | [`command`]           | one file a command of the binary: arguments in, text out |
//! | [`run_files`]         | which files of a run belong to which episode             |
//! | [`load`]              | conditions of a folder, and their episodes one at a time |
//! | [`episode`]           | one episode: its result and its trace                    |
//! | [`scores`]            | the scores of one condition, by task                     |
//! | [`tool_calls`]        | tool calls that happened, and tool names in code         |
//! | [`failures`]          | missing variables, failing steps, redundant work         |
//! | [`two_by_two`]        | the four cells of training and runtime, compared         |
//! | [`main_table`]        | the paper's results table, in LaTeX                      |
//! | [`turn`]              | what became of a turn, in one letter                     |
//! | [`results`]           | a study's results in one small file                      |
//! | [`report`]            | a study's report: page, Markdown, figures, tables        |
//! | [`figure`]            | figures, as SVG and PNG                                  |
//! | [`interpreter_state`] | persistent or reset                                      |
//! | [`stats`]             | statistics on plain numbers                              |
//! | [`table`]             | tables for people                                        |
//! | [`unreadable`]        | the error of a file or folder that cannot be read        |
//!
//! A condition is one agent in one run; an episode is one task attempted under
//! a condition.

pub mod command;
pub mod episode;
pub mod failures;
pub mod figure;
pub mod interpreter_state;
pub mod load;
pub mod main_table;
pub mod report;
pub mod results;
pub mod run_files;
pub mod scores;
pub mod stats;
pub mod table;
pub mod tool_calls;
pub mod turn;
pub mod two_by_two;
pub mod unreadable;
