//! The agent: it turns a model's answers into actions and the environment's observations into messages.
//!
//! | module       | what it holds                                                            |
//! |--------------|--------------------------------------------------------------------------|
//! | [`chat`]     | one episode in a terminal, which a person plays or watches               |
//! | [`command`]  | the command line                                                         |
//! | [`config`]   | the run config (YAML), read once into typed values                       |
//! | [`model`]    | the trait that every model client implements, and the clients            |
//! | [`teach`]    | training data of a run's good episodes, in the files that trainers read  |
//! | [`teachers`] | scripted policies, and drills: programs that write training data         |
//! | `repetition` | an answer that repeats itself without an end, shortened                  |
//! | [`episode`]  | one episode: turns, deadlines, outcome                                   |
//! | `wire`       | conversions between messages of the server, the config and a trace       |
//! | `pool`       | which of several servers of a model gets the next call                   |
//! | [`recorder`] | the trace of an episode that is being played, and who follows it         |
//! | `view`       | what a person is shown of an episode, turn by turn                       |
//! | `trace_page` | a trace as a web page                                                    |
//! | `server`     | an environment server as a child of the run                              |
//! | `stop`       | the signal that stops a run                                              |
//! | `version`    | the version of this program                                              |
//! | [`rollouts`] | episodes that a model in training plays, round by round                  |
//! | [`run`]      | many episodes: plan, resume, progress, result files                      |
//!
//! What a model is told, and how its answers are read, is in the crate `acting`.
//!
//! The agent knows no task rules and reads no task files, because those hold hidden data. Everything it knows
//! about a task comes from the server.

pub mod chat;
pub mod command;
pub mod config;
pub mod episode;
pub mod model;
mod pool;
pub mod recorder;
mod repetition;
pub mod rollouts;
pub mod run;
mod server;
mod stop;
pub mod teach;
pub mod teachers;
mod trace_page;
mod version;
mod view;
mod wire;
