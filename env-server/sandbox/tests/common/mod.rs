//! What the tests share: one sandbox per process, helpers to make interpreters, and the tools of [`Counter`].
#![allow(dead_code)] // no test file uses everything

use std::sync::{Arc, LazyLock, Mutex};

use sandbox::{
    Config, Interpreter, InterpreterState, Limits, Options, Outcome, Sandbox, Semantics, SharedTools, Tool,
    ToolCall, ToolError, ToolErrorKind, ToolHost,
};
use serde_json::{Value, json};

pub static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::new(&Options::default()).unwrap());

/// A config without tools.
pub fn config(state: InterpreterState) -> Config {
    Config {
        state,
        semantics: Semantics::Script,
        seed: 1,
        limits: Limits::default(),
        tools: Vec::new(),
        record_definitions: false,
    }
}

/// A persistent interpreter with the tools of [`Counter`].
pub fn persistent() -> Interpreter {
    with_limits(InterpreterState::Persistent, Limits::default())
}

/// A resetting interpreter with the tools of [`Counter`].
pub fn reset() -> Interpreter {
    with_limits(InterpreterState::Reset, Limits::default())
}

/// Both kinds of interpreter with notebook semantics and the tools of [`Counter`].
pub fn notebooks() -> [Interpreter; 2] {
    [InterpreterState::Persistent, InterpreterState::Reset].map(notebook)
}

/// An interpreter with notebook semantics and the tools of [`Counter`].
pub fn notebook(state: InterpreterState) -> Interpreter {
    let config = Config { semantics: Semantics::Notebook, tools: Counter::tools(), ..config(state) };
    interpreter(config, counter().0)
}

pub fn with_limits(state: InterpreterState, limits: Limits) -> Interpreter {
    let (tools, _) = counter();
    interpreter(Config { limits, tools: Counter::tools(), ..config(state) }, tools)
}

pub fn interpreter(config: Config, tools: SharedTools) -> Interpreter {
    SANDBOX.interpreter(config, tools).unwrap()
}

/// Runs a block that must succeed, and returns what it printed.
#[track_caller]
pub fn prints(interpreter: &mut Interpreter, code: &str) -> String {
    let outcome = interpreter.run(code).unwrap();
    assert!(outcome.success, "{code}\n{outcome:?}");
    outcome.output
}

/// Runs a block that must fail.
#[track_caller]
pub fn fails(interpreter: &mut Interpreter, code: &str) -> Outcome {
    let outcome = interpreter.run(code).unwrap();
    assert!(!outcome.success, "{code}\n{outcome:?}");
    outcome
}

/// Tools: `count()` returns the number of calls so far; `echo(value)` returns its argument; `refuse(why)`
/// raises; `describe(...)` returns the types and values of its arguments.
#[derive(Default)]
pub struct Counter {
    pub count: u64,
}

pub fn counter() -> (SharedTools, Arc<Mutex<Counter>>) {
    let counter = Arc::new(Mutex::new(Counter::default()));
    (counter.clone(), counter)
}

impl Counter {
    pub fn tools() -> Vec<Tool> {
        let tool = |name: &str, parameter: &str| Tool {
            name: name.into(),
            parameters: if parameter.is_empty() { vec![] } else { vec![parameter.into()] },
            doc: format!("The {name} of the tests."),
        };
        vec![tool("count", ""), tool("echo", "value"), tool("refuse", "why: str"), tool("describe", "*args")]
    }
}

impl ToolHost for Counter {
    fn call(&mut self, call: &ToolCall) -> Result<Value, ToolError> {
        self.count += 1;
        let first = || call.args.first().and_then(|argument| argument.value.clone());
        match call.name.as_str() {
            "count" => Ok(json!(self.count)),
            "echo" => {
                first().ok_or(ToolError { kind: ToolErrorKind::Invocation, message: "no value".into() })
            }
            "describe" => {
                let args = call.args.iter();
                let all: Vec<Value> = args
                    .map(|argument| json!([argument.python_type, argument.value]))
                    .chain(
                        call.kwargs
                            .iter()
                            .map(|(k, argument)| json!([k, argument.python_type, argument.value])),
                    )
                    .collect();
                Ok(json!(all))
            }
            _ => {
                let message = first().and_then(|why| why.as_str().map(str::to_owned)).unwrap_or_default();
                Err(ToolError { kind: ToolErrorKind::Runtime, message })
            }
        }
    }
}
