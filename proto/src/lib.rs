//! Every schema that crosses a process or file boundary, and nothing else.
//!
//! | module                | boundary                                                                       |
//! |-----------------------|--------------------------------------------------------------------------------|
//! | [`env`]               | gRPC `runtime_gym.env.v1`: episodes                                            |
//! | [`inference`]         | gRPC `runtime_gym.inference.v1`: text generation                               |
//! | [`interpreter_state`] | the regime of an episode, in messages, files and configs                       |
//! | [`semantics`]         | how a block of code runs, in messages, files and configs                       |
//! | [`task`]              | task files and their manifest                                                  |
//! | [`run`]               | result, status and summary files of a run                                      |
//! | [`rollout`]           | episodes of a model in training, between `trainer grpo` and `agent rollouts`   |
//! | [`tool_call`]         | a call of a tool, as a model writes it, and what is sent of it                 |
//! | [`trace`]             | trace files (`.trace.json`), and what they record of a step                    |
//! | [`conversation`]      | chat files; how observations read to a model, the same in play and in training |
//! | [`transcript`]        | a trace as the conversation that a model learns from                           |
//! | [`dataset`]           | what a folder of samples was made from (`dataset.json`)                        |
//! | [`training`]          | a training's record and metrics (`training.json`, `metrics.jsonl`)             |
//! | [`study`]             | what a study ran, and where its parts are (`study.json`)                       |
//! | [`python_json`]       | JSON as Python writes it                                                       |
//!
//! This crate depends on no other crate of the workspace, and it holds no behaviour: no task rules, no interpreter, no
//! statistics, no files, no connections.

pub mod conversation;
pub mod dataset;
pub mod env;
pub mod inference;
pub mod interpreter_state;
pub mod python_json;
pub mod rollout;
pub mod run;
pub mod semantics;
pub mod study;
pub mod task;
pub mod tool_call;
pub mod trace;
pub mod training;
pub mod transcript;

/// The largest message that clients and servers accept, in bytes: inline tasks and lists of step records are large.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;
