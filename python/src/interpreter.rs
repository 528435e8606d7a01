//! The interpreter in this process, with tools that are Python functions.

use std::collections::HashMap;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker};

use ::env_server::wire::error_kind;
use proto::interpreter_state::InterpreterState;
use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use pythonize::{depythonize, pythonize};
use sandbox::{Argument, Config, Error, Options, Stop, ToolCall, ToolError, ToolErrorKind, ToolHost};
use serde_json::Value;

use crate::answers::{Outcome, ToPython};
use crate::requests::{Limits, semantics};

/// Makes interpreters. The first one on a machine compiles Python, which takes some ten seconds.
#[pyclass(frozen)]
pub struct Sandbox(sandbox::Sandbox);

/// A Python function that code in an interpreter can call.
#[derive(FromPyObject)]
struct Tool {
    name: String,
    parameters: Vec<String>,
    doc: String,
    /// Takes the positional arguments and those by keyword. What it raises is raised in the interpreter.
    call: Py<PyAny>,
}

#[pymethods]
impl Sandbox {
    #[new]
    #[pyo3(signature = (max_interpreters, cache_dir))]
    fn new(py: Python<'_>, max_interpreters: u32, cache_dir: Option<PathBuf>) -> PyResult<Self> {
        let options = Options { max_interpreters, cache_dir, ..Options::default() };
        // Says that Python is compiled, and what is wrong with the cache.
        let said = tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_target(false)
            .without_time()
            .with_ansi(false);
        let new = || sandbox::Sandbox::new(&options);
        py.detach(|| tracing::subscriber::with_default(said.finish(), new)).map(Self).map_err(failed)
    }

    /// The version of Python in it.
    #[getter]
    fn python_version(&self) -> &str {
        self.0.python_version()
    }

    /// A new interpreter.
    #[pyo3(signature = (tools: "list[Any]", persistent, semantics, seed, limits))]
    fn interpreter(
        &self,
        py: Python<'_>,
        tools: Vec<Tool>,
        persistent: bool,
        semantics: &str,
        seed: u64,
        limits: &Bound<'_, PyAny>,
    ) -> PyResult<Interpreter> {
        let config = Config {
            state: InterpreterState::from_persistent(persistent),
            semantics: self::semantics(Some(semantics))?.unwrap_or_default(),
            seed,
            limits: limits.extract::<Limits>()?.of_interpreter()?,
            tools: tools.iter().map(Tool::declared).collect(),
            record_definitions: false,
        };
        let host = Host::new(tools.into_iter().map(|tool| (tool.name, tool.call)).collect());
        let (raised, functions) = (host.raised.clone(), host.functions.clone());
        let host = Arc::new(Mutex::new(host));
        let interpreter = py.detach(|| self.0.interpreter(config, host)).map_err(failed)?;
        Ok(Interpreter { state: Mutex::new(State { interpreter, next: 0 }), raised, functions })
    }
}

impl Tool {
    fn declared(&self) -> sandbox::Tool {
        let (name, parameters, doc) = (self.name.clone(), self.parameters.clone(), self.doc.clone());
        sandbox::Tool { name, parameters, doc }
    }
}

/// The tools of one interpreter and its host, until Python's garbage collector finds that nobody uses them.
type Functions = Arc<Mutex<HashMap<String, Py<PyAny>>>>;

/// What a tool raised that no code in the interpreter may catch, such as `KeyboardInterrupt`.
type Raised = Arc<Mutex<Option<PyErr>>>;

/// Calls Python functions for an interpreter.
struct Host {
    functions: Functions,
    raised: Raised,
}

impl Host {
    fn new(functions: HashMap<String, Py<PyAny>>) -> Self {
        Self { functions: Arc::new(Mutex::new(functions)), raised: Raised::default() }
    }
}

impl ToolHost for Host {
    fn call(&mut self, call: &ToolCall) -> Result<Value, ToolError> {
        Python::attach(|py| {
            let function = locked(&self.functions).get(&call.name).map(|function| function.clone_ref(py));
            let function = function.ok_or_else(|| {
                let message = format!("{} is gone", call.name);
                ToolError { kind: ToolErrorKind::Runtime, message }
            })?;
            let args =
                call.args.iter().enumerate().map(|(index, value)| given(py, value, &index.to_string()));
            let args =
                PyList::new(py, args.collect::<Result<Vec<_>, _>>()?).map_err(|error| raised(py, &error))?;
            let kwargs = PyDict::new(py);
            for (name, value) in &call.kwargs {
                kwargs.set_item(name, given(py, value, name)?).map_err(|error| raised(py, &error))?;
            }
            let answer = function.call1(py, (args, kwargs)).map_err(|error| {
                let told = raised(py, &error);
                if !error.is_instance_of::<PyException>(py) {
                    *locked(&self.raised) = Some(error);
                }
                told
            })?;
            depythonize(answer.bind(py)).map_err(|error| ToolError {
                kind: ToolErrorKind::Runtime,
                message: format!("the answer of {} is no JSON value: {error}", call.name),
            })
        })
    }
}

/// An argument as Python has it.
fn given<'py>(py: Python<'py>, argument: &Argument, name: &str) -> Result<Bound<'py, PyAny>, ToolError> {
    let Some(value) = &argument.value else {
        let message = format!("argument {name} is a {}, which no JSON value can hold", argument.python_type);
        return Err(ToolError { kind: ToolErrorKind::Invocation, message });
    };
    pythonize(py, value).map_err(|error| raised(py, &error.into()))
}

/// What code in the interpreter sees of an exception. One of `runtime_gym._sandbox.CannotCall` says that the arguments do not fit.
fn raised(py: Python<'_>, error: &PyErr) -> ToolError {
    let class = error.get_type(py);
    let name = class.name().map_or_else(|_| "Exception".to_owned(), |name| name.to_string());
    let text = error.value(py).to_string();
    if name == "CannotCall" {
        return ToolError { kind: ToolErrorKind::Invocation, message: text };
    }
    let message = if text.is_empty() { name } else { format!("{name}: {text}") };
    ToolError { kind: ToolErrorKind::Runtime, message }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One interpreter.
#[pyclass(frozen)]
pub struct Interpreter {
    state: Mutex<State>,
    raised: Raised,
    functions: Functions,
}

struct State {
    interpreter: sandbox::Interpreter,
    /// The index of the next step.
    next: u64,
}

#[pymethods]
impl Interpreter {
    /// Runs a block of code. Other threads of Python run meanwhile, and signals are handled: what their handlers raise ends the
    /// step, which then has no effect on the interpreter.
    fn run<'py>(&self, py: Python<'py>, code: String) -> PyResult<Bound<'py, PyAny>> {
        let mut state = self.state()?;
        let State { interpreter, next } = &mut *state;
        let stop = Stop::default();
        let outcome = {
            let mut step = pin!(interpreter.step(*next, &code, &stop));
            loop {
                let step = step.as_mut();
                match py.detach(|| step.poll(&mut Context::from_waker(Waker::noop()))) {
                    Poll::Ready(outcome) => break outcome.map_err(failed)?,
                    Poll::Pending => py.check_signals()?,
                }
            }
        };
        *next += 1;
        if let Some(error) = locked(&self.raised).take() {
            return Err(error);
        }
        let (kind, exception) = outcome.failure.as_ref().map_or_else(<_>::default, error_kind);
        let exception = exception.to_owned();
        Outcome { kind, exception, outcome }.to_python(py)
    }

    /// A copy that goes its own way.
    fn fork(&self, py: Python<'_>) -> PyResult<Self> {
        let mut state = self.state()?;
        let State { interpreter, next } = &mut *state;
        // Each has references of its own, which the garbage collector counts.
        let functions =
            locked(&self.functions).iter().map(|(name, one)| (name.clone(), one.clone_ref(py))).collect();
        let host = Host::new(functions);
        let (raised, functions) = (host.raised.clone(), host.functions.clone());
        let host = Arc::new(Mutex::new(host));
        let copy = py.detach(|| interpreter.fork(host)).map_err(failed)?;
        let state = Mutex::new(State { interpreter: copy, next: *next });
        Ok(Self { state, raised, functions })
    }

    /// Moves it out of memory until its next step.
    fn hibernate(&self, py: Python<'_>) -> PyResult<()> {
        let mut state = self.state()?;
        let interpreter = &mut state.interpreter;
        py.detach(|| interpreter.hibernate());
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Locked while a tool is looked up, which is no time to collect.
        let Ok(functions) = self.functions.try_lock() else { return Ok(()) };
        functions.values().try_for_each(|function| visit.call(function))
    }

    fn __clear__(&self) {
        locked(&self.functions).clear();
    }

    /// The names that its code has defined, sorted.
    #[getter]
    fn globals(&self) -> PyResult<Vec<String>> {
        Ok(self.state()?.interpreter.globals().to_vec())
    }

    /// The bytes of its memory; 0 while it is not in memory.
    #[getter]
    fn memory_bytes(&self) -> PyResult<usize> {
        Ok(self.state()?.interpreter.stats().memory_bytes)
    }
}

impl Interpreter {
    fn state(&self) -> PyResult<MutexGuard<'_, State>> {
        match self.state.try_lock() {
            Ok(state) => Ok(state),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(PyRuntimeError::new_err(
                "the sandbox runs a step of another thread, or of the tool that calls it",
            )),
        }
    }
}

/// `runtime_gym.SandboxError` for what is not the code's own fault.
fn failed(error: Error) -> PyErr {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    Python::attach(|py| {
        let exception = py
            .import("runtime_gym._errors")
            .and_then(|errors| errors.getattr("SandboxError")?.call1((text,)));
        exception.map_or_else(|error| error, PyErr::from_value)
    })
}
