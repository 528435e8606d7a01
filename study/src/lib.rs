//! Runs whole studies: from an experiment file to tasks, traces, models, episodes and a report.
//!
//! | module         | what it holds                                                          |
//! |----------------|------------------------------------------------------------------------|
//! | [`experiment`] | the experiment file, and what it extends, as typed values              |
//! | [`plan`]       | an experiment as stages, in order                                      |
//! | [`kind`]       | the kinds of stages                                                    |
//! | [`stage`]      | a stage: its key, its folder, its command                              |
//! | [`record`]     | what a stage's folder says of it: finished, unfinished, resumable      |
//! | [`run`]        | runs the stages that are not finished                                  |
//! | [`dry_run`]    | reports what would be run, what is missing, and how much it would take |
//! | [`serve`]      | serves the models of an experiment                                     |
//! | [`model_server`] | what serves the models of cells                                        |
//! | [`http`]       | what servers that run already say of themselves                        |
//! | `checks`       | has other programs check their configs                                 |
//! | `study_file`   | writes `study.json`                                                    |
//! | `links`        | readable names for the outputs of stages                               |
//! | [`programs`]   | the programs that stages run                                           |
//! | `child`        | runs a program to its end                                              |
//! | `machine`      | the machine: processor, memory, disk                                   |
//! | `content_hash` | SHA-256 of values and folders                                          |
//! | [`words`]      | numbers as text for people                                             |
//!
//! This crate plays no episode, trains no model and knows no statistics: every stage is a command line of
//! another program of this repository, which a person could type as well.

/// Prints a line to standard error. A failure is ignored: a closed terminal must not stop a study.
macro_rules! say {
    ($($words:tt)*) => {{
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($words)*)));
    }};
}

mod checks;
mod child;
mod content_hash;
pub mod dry_run;
pub mod experiment;
pub mod http;
pub mod kind;
mod links;
mod machine;
pub mod model_server;
pub mod plan;
pub mod programs;
pub mod record;
pub mod run;
pub mod serve;
pub mod stage;
mod study_file;
pub mod words;

/// The git commit that this program was built from, with `-dirty` if the tree differed; empty if unknown.
pub const COMMIT: &str = env!("GIT_COMMIT");
