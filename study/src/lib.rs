//! Whole studies: an experiment file in; tasks, traces, models, episodes and a report out.
//!
//! | module         | what it is                                                          |
//! |----------------|---------------------------------------------------------------------|
//! | [`experiment`] | the experiment file, and what it extends, as typed values           |
//! | [`plan`]       | an experiment as stages, in order                                   |
//! | [`stage`]      | a stage: its key, its folder, its record                            |
//! | [`run`]        | does what is not done                                               |
//! | [`dry_run`]    | says what would be done, what is missing, what it would take        |
//! | [`checks`]     | asks other programs whether they can use their configs              |
//! | [`study_file`] | `study.json`                                                        |
//! | [`links`]      | readable names for stages' folders                                  |
//! | [`programs`]   | the other programs, which a stage runs                              |
//! | [`child`]      | running them                                                        |
//! | [`interrupt`]  | Ctrl-C                                                              |
//! | [`machine`]    | where it runs                                                       |
//! | [`digest`]     | SHA-256 of values, files, folders                                   |
//! | [`words`]      | numbers for people                                                  |
//!
//! This crate plays no episode, trains no model and knows no statistics: every stage is a command line of another
//! program of this repository, which a person could give as well.

/// Says something on standard error, if anyone is there: a closed terminal must not end a study out of order.
macro_rules! say {
    ($($words:tt)*) => {{
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($words)*)));
    }};
}

pub mod checks;
pub mod child;
pub mod digest;
pub mod dry_run;
pub mod experiment;
pub mod interrupt;
pub mod links;
pub mod machine;
pub mod plan;
pub mod programs;
pub mod run;
pub mod stage;
pub mod study_file;
pub mod words;

/// The git commit it was built from, `-dirty` where the tree differed; empty if unknown.
pub const COMMIT: &str = env!("GIT_COMMIT");
