//! CPython in WebAssembly, for code that nobody has read.
//!
//! A [`Sandbox`] is set up once; it gives [`Interpreter`]s, which run one block of Python a step. Between
//! steps an interpreter either persists or resets ([`InterpreterState`]). The code sees a virtual world: no
//! environment, no network, no files but its own in memory, a clock that moves only when it is read or slept on,
//! randomness that follows from a seed. So the same seed, code and tool answers give the same [`Outcome`]
//! everywhere, fuel included.
//!
//! All that an interpreter is can be copied: [`Interpreter::fork`] gives a second one that goes its own way,
//! [`Interpreter::hibernate`] packs one that nobody uses until its next step. A step that kills its interpreter is
//! undone: the interpreter is had again from what was kept, and its last steps are run again with the recorded
//! answers of the tools.
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
//! // A copy goes its own way, with everything alive, half-used iterators too.
//! let mut copy = python.fork(tools())?;
//! assert_eq!(copy.run("print(x + 1, next(rest))")?.output, "42 1\n");
//!
//! // What is not used for a while need not stay in memory.
//! python.hibernate();
//! assert_eq!(python.stats().memory_bytes, 0);
//! assert_eq!(python.run("print(next(rest))")?.output, "1\n");
//!
//! // A step that is stopped has not happened.
//! assert!(!python.run("x = 0\nwhile True: pass")?.success);
//! assert_eq!(python.run("print(x)")?.output, "41\n");
//! assert_eq!(python.stats().steps, 4);
//! # Ok::<(), sandbox::Error>(())
//! ```
//!
//! Inside, from the outside in: `sandbox` and `engine` set up wasmtime, `cache` keeps its machine code;
//! `interpreter` decides what persists, `replay_log` knows how to have it again, `snapshot` packs it and `spill` keeps
//! that; `instance` is one started instance, with `pages` to see what its memory differs in; `state` is what belongs to
//! it on the host's side: its `world`, its `calls` of tools and its `fuel`, joined by `linker`; `guest` and `abi` are
//! the way into the module, which `build.rs` makes from what `guest/build.sh` built.

mod abi;
mod cache;
mod calls;
mod engine;
mod error;
mod fuel;
mod guest;
mod instance;
mod interpreter;
mod limits;
mod linker;
mod message;
mod outcome;
mod pages;
mod replay_log;
mod sandbox;
mod snapshot;
mod spill;
mod state;
mod tool;
mod world;

pub use error::{Error, Source};
pub use interpreter::{Config, Interpreter, InterpreterState, Stats};
pub use limits::Limits;
pub use outcome::{Definition, Failure, Outcome};
pub use sandbox::{Options, Sandbox};
pub use tool::{Argument, SharedTools, Tool, ToolCall, ToolError, ToolErrorKind, ToolHost, ToolRecord};
