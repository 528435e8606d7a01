//! Tries imports and uses of modules, each in a new interpreter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use sandbox::{
    Config, Error, Interpreter, InterpreterState, Limits, Outcome, Sandbox, Semantics, ToolCall, ToolError,
    ToolErrorKind, ToolHost,
};
use serde_json::Value;

use crate::differences::{DIFFERENCES, Difference};
use crate::modules::{self, Use};

/// Prints every public module of the standard library, on any platform, and the loaded submodules.
const NAMES: &str = "import sys
public = {name for name in sys.stdlib_module_names if not name.startswith('_')}
loaded = {name for name in sys.modules if name.partition('.')[0] in public and '._' not in name}
print(*sorted(public | loaded))";

/// The results.
pub struct Survey {
    /// The version of Python, such as `3.14.0`.
    pub python: String,
    /// Each module's name, and the exception line if it cannot be imported.
    pub modules: BTreeMap<String, Option<String>>,
    /// The tried uses of importable modules, and the exception line if a use failed.
    pub uses: Vec<(&'static Use, Option<String>)>,
    /// Expressions that differ from CPython on Linux, and the value here or the exception line.
    pub differences: Vec<(&'static Difference, String)>,
}

impl Survey {
    /// Imports and tries everything.
    ///
    /// # Errors
    /// The sandbox does not work.
    pub fn of(sandbox: &Sandbox) -> Result<Survey, Error> {
        let mut fresh = fresh(sandbox)?;
        let mut names: BTreeSet<String> =
            fresh.run(NAMES)?.output.split_whitespace().map(str::to_owned).collect();
        names.extend(modules::SUBMODULES.iter().map(|&name| name.to_owned()));
        let mut modules = BTreeMap::new();
        for name in names {
            let outcome = fresh.run(&format!("import {name}"))?;
            modules.insert(name, exception_line(&outcome));
        }
        let mut uses = Vec::new();
        for tried in modules::USES {
            uses.push((tried, exception_line(&fresh.run(&tried.code())?)));
        }
        let mut differences = Vec::new();
        for difference in DIFFERENCES {
            let outcome = fresh.run(&difference.code())?;
            let here = exception_line(&outcome).unwrap_or_else(|| outcome.output.trim_end().to_owned());
            differences.push((difference, here));
        }
        Ok(Survey { python: sandbox.python_version().to_owned(), modules, uses, differences })
    }
}

/// A resetting interpreter: each block runs in a new one.
pub fn fresh(sandbox: &Sandbox) -> Result<Interpreter, Error> {
    let config = Config {
        state: InterpreterState::Reset,
        semantics: Semantics::Script,
        seed: 0,
        limits: Limits::default(),
        tools: Vec::new(),
        record_definitions: false,
    };
    sandbox.interpreter(config, Arc::new(Mutex::new(NoTools)))
}

/// The last line of a traceback.
fn exception_line(outcome: &Outcome) -> Option<String> {
    let error = outcome.error.as_ref()?;
    Some(error.lines().last().unwrap_or_default().to_owned())
}

struct NoTools;

impl ToolHost for NoTools {
    fn call(&mut self, _call: &ToolCall) -> Result<Value, ToolError> {
        Err(ToolError { kind: ToolErrorKind::Runtime, message: "There are no tools.".to_owned() })
    }
}
