//! CPython in WebAssembly, for untrusted code.
//!
//! A [`Sandbox`] is set up once and creates [`Interpreter`]s, which run one block of Python per step. Between
//! steps an interpreter either persists or resets ([`InterpreterState`]). The code sees a virtual world: no
//! environment variables, no network, only its own files in memory, a clock that advances only when it is
//! read or slept on, and randomness that follows from a seed. Therefore the same seed, code and tool answers
//! give the same [`Outcome`] on every machine, fuel included.
//!
//! The whole state of an interpreter can be copied. [`Interpreter::fork`] creates an independent copy, and
//! [`Interpreter::hibernate`] moves an idle interpreter out of memory until its next step. A step that kills
//! its interpreter is undone: the interpreter is restored from its last snapshot, and the steps since are
//! replayed with the recorded answers of the tools. In the same way [`Sandbox::revive`] makes an interpreter again after the
//! process has ended, if its snapshots are stored in files that stay ([`Options::snapshots`]) and its caller has kept
//! the steps.
//!
//! An error of the agent's code is a [`Failure`] in its [`Outcome`]; an [`Error`] means that the sandbox is
//! broken or full. The crate does not know tasks, rewards or RPCs.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use sandbox::{Config, InterpreterState, Limits, Options, Sandbox, Semantics};
//! use sandbox::{Tool, ToolCall, ToolError, ToolHost};
//! use serde_json::{Value, json};
//!
//! struct Adder;
//!
//! impl ToolHost for Adder {
//!     fn call(&mut self, call: &ToolCall) -> Result<Value, ToolError> {
//!         let sum: i64 = call.args.iter().filter_map(|argument| argument.value.as_ref()?.as_i64()).sum();
//!         Ok(json!(sum))
//!     }
//! }
//!
//! let sandbox = Sandbox::new(&Options::default())?;
//! let config = Config {
//!     state: InterpreterState::Persistent,
//!     semantics: Semantics::Script,
//!     seed: 7,
//!     limits: Limits { fuel: 1_000_000_000, ..Limits::default() },
//!     tools: vec![Tool { name: "add".into(), parameters: vec!["*numbers: int".into()], doc: String::new() }],
//!     record_definitions: false,
//! };
//! let tools = || Arc::new(Mutex::new(Adder));
//! let mut python = sandbox.interpreter(config, tools())?;
//! let outcome = python.run("x = add(20, 21)\nrest = iter(range(100))\nprint(next(rest))")?;
//! assert_eq!((outcome.success, outcome.output.as_str()), (true, "0\n"));
//! assert_eq!(python.globals(), ["rest", "x"]);
//!
//! // A copy is independent and has the whole state, half-consumed iterators included.
//! let mut copy = python.fork(tools())?;
//! assert_eq!(copy.run("print(x + 1, next(rest))")?.output, "42 1\n");
//!
//! // An idle interpreter need not stay in memory.
//! python.hibernate();
//! assert_eq!(python.stats().memory_bytes, 0);
//! assert_eq!(python.run("print(next(rest))")?.output, "1\n");
//!
//! // A stopped step has no effect.
//! assert!(!python.run("x = 0\nwhile True: pass")?.success);
//! assert_eq!(python.run("print(x)")?.output, "41\n");
//! assert_eq!(python.stats().steps, 4);
//! # Ok::<(), sandbox::Error>(())
//! ```
//!
//! | Module                                     | Content                                                                       |
//! |--------------------------------------------|-------------------------------------------------------------------------------|
//! | `sandbox`, `options`                       | the factory of interpreters, and its options                                  |
//! | `host`                                     | what all interpreters share                                                   |
//! | `engine`, `cache`, `linker`, `pool`        | wasmtime: its set-up, compiled code, imports, places for instances            |
//! | `interpreter`, `config`, `limits`, `stats` | one interpreter: what persists, what resets, what is rebuilt                  |
//! | `outcome`, `message`                       | the outcome of a step, and the texts for the agent                            |
//! | `instance`, `execution`                    | one instance of the guest, and the raw result of a block in it                |
//! | `replay_log`                               | the steps from which an instance is rebuilt                                   |
//! | `snapshot`, `pages`, `storage`             | an instance's compressed memory, which pages changed, where it is stored      |
//! | `past`                                     | what an interpreter is rebuilt from in another process                        |
//! | `guest`, `abi`                             | the guest module, its exports and the layout of their arguments               |
//! | `state`                                    | the host's side of an instance                                                |
//! | `world`, `wasi`                            | time, randomness, output and files as plain data; the functions that use them |
//! | `seeds`                                    | the seeds of random numbers                                                   |
//! | `calls`, `tool`                            | tool calls                                                                    |
//! | `fuel`, `stop`                             | the budget of a step; stopping it from outside                                |
//! | `budget`                                   | the memory of everything together                                             |
//!
//! `guest/build.sh` builds the guest as a component, from which `build.rs` makes the module.

mod abi;
mod budget;
mod cache;
mod calls;
mod config;
mod engine;
mod error;
mod execution;
mod fuel;
mod guest;
mod host;
mod instance;
mod interpreter;
mod limits;
mod linker;
mod message;
mod options;
mod outcome;
mod pages;
mod past;
mod places;
mod pool;
mod replay_log;
mod sandbox;
mod seeds;
mod snapshot;
mod state;
mod stats;
mod stop;
mod storage;
mod tool;
mod wasi;
mod world;

pub use budget::{Budget, NoMemory, Share};
pub use config::Config;
pub use error::{Error, Fault, Source};
pub use guest::MODULE_SHA256 as GUEST_SHA256;
pub use interpreter::Interpreter;
pub use limits::Limits;
pub use options::{Options, Snapshots};
pub use outcome::{Definition, Failure, Outcome};
pub use past::{Past, PastStep, StoredSnapshot};
pub use proto::interpreter_state::InterpreterState;
pub use proto::semantics::Semantics;
pub use sandbox::Sandbox;
pub use stats::Stats;
pub use stop::Stop;
pub use tool::{
    Argument, Pending, SharedTools, Tool, ToolAnswer, ToolCall, ToolError, ToolErrorKind, ToolHost,
    ToolRecord,
};
