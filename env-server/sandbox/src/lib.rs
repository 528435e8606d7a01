//! CPython in WebAssembly, for code that nobody has read.
//!
//! A [`Sandbox`] is set up once; it gives [`Interpreter`]s, which run one block of Python a step. Between
//! steps an interpreter either persists or resets ([`InterpreterState`]). The code sees a virtual world: no
//! files, no environment, no network, a clock that moves only when it is read or slept on, randomness that
//! follows from a seed. So the same seed, code and tool answers give the same [`Outcome`] everywhere, fuel
//! included, and that is how a persistent interpreter comes back after a step that killed it: its earlier
//! steps are run again with the recorded answers of the tools.
//!
//! What the code does wrong is a [`Failure`] in its [`Outcome`]; an [`Error`] means that the sandbox is broken
//! or full. The crate knows nothing of tasks, rewards or RPCs.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use sandbox::{Config, InterpreterState, Limits, Options, Sandbox, Tool, ToolCall, ToolError, ToolHost};
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
//!     seed: 7,
//!     limits: Limits::default(),
//!     tools: vec![Tool { name: "add".into(), parameters: vec!["*numbers: int".into()], doc: String::new() }],
//!     record_definitions: false,
//! };
//! let mut interpreter = sandbox.interpreter(config, Arc::new(Mutex::new(Adder)))?;
//! assert!(interpreter.run("x = add(20, 21)")?.success);
//! assert_eq!(interpreter.run("print(x + 1)")?.output, "42\n");
//! # Ok::<(), sandbox::Error>(())
//! ```
//!
//! Inside, from the outside in: `sandbox` and `engine` set up wasmtime, `cache` keeps its machine code;
//! `interpreter` decides what persists; `live` is one started instance, whose world is `state`, `clock`,
//! `stdout` and `calls`, joined by `linker`; `guest` is the component, made from `guest/` by its `build.sh`.

mod abi;
mod attic;
mod cache;
mod calls;
mod engine;
mod error;
mod fuel;
mod guest;
mod interpreter;
mod limits;
mod linker;
mod live;
mod message;
mod outcome;
mod pages;
mod past;
mod sandbox;
mod snapshot;
mod state;
mod tool;
mod world;

pub use error::{Error, Source};
pub use interpreter::{Config, Interpreter, InterpreterState, Stats};
pub use limits::Limits;
pub use outcome::{Definition, Failure, Outcome};
pub use sandbox::{Options, Sandbox};
pub use tool::{Argument, SharedTools, Tool, ToolCall, ToolError, ToolErrorKind, ToolHost, ToolRecord};
