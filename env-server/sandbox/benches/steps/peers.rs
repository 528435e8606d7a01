//! The peers that the sandbox is compared with.

use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::common::private_bytes;
use crate::side::{CALLS, LOOP, STEP, Side, history, timed};

/// A new CPython process for every step.
pub struct FreshProcess {
    python: String,
}

impl FreshProcess {
    /// Finds the interpreter behind the command `python`.
    pub fn find(python: &str) -> Result<FreshProcess, String> {
        // A launcher would be timed as well, so find the interpreter that it starts.
        let executable = Command::new(python).args(["-c", "import sys; print(sys.executable)"]).output();
        let executable = executable.ok().filter(|output| output.status.success());
        let executable =
            executable.ok_or_else(|| format!("`{python}` does not run; name a Python in PYTHON"))?;
        Ok(FreshProcess { python: String::from_utf8_lossy(&executable.stdout).trim().into() })
    }

    fn run(&self, code: &str) {
        let status = Command::new(&self.python).args(["-c", code]).stdout(Stdio::null()).status();
        assert!(status.expect("it ran before").success());
    }
}

impl Side for FreshProcess {
    fn name(&self) -> &'static str {
        "CPython process"
    }

    fn times(&mut self, operation: &str, budget: Duration) -> Vec<Duration> {
        let code = match operation {
            "new interpreter" => "pass".into(),
            "new interpreter and its first step" | "step in a resetting interpreter" => STEP.into(),
            "new interpreter and those 100 steps" => history().join("\n"),
            "3 million rounds of a loop" => LOOP.into(),
            _ => return Vec::new(),
        };
        timed(budget, || (), |()| self.run(&code))
    }

    fn private_bytes(&mut self) -> f64 {
        let code = format!("{STEP}\nimport sys; sys.stdout.flush(); sys.stdin.read()");
        let mut live = Running::start(Command::new(&self.python).args(["-c", &code])).expect("it ran before");
        live.read_line();
        private_bytes(&live.child.id().to_string())
    }
}

/// A peer with a Python interface. A Python script measures it on request.
pub struct InPython {
    name: &'static str,
    process: Running,
}

impl InPython {
    /// Starts `script`, which serves the operations, with `python`, which must have the modules that it
    /// imports.
    pub fn start(name: &'static str, python: &str, script: &str) -> Result<InPython, String> {
        let program = [&programs(), include_str!("peer.py"), script].concat();
        let start = || {
            let mut stderr = tempfile::tempfile()?;
            let mut command = Command::new(python);
            let mut process = Running::start(command.args(["-c", &program]).stderr(stderr.try_clone()?))?;
            if process.read_line().trim() == "ready" {
                return Ok(InPython { name, process });
            }
            let mut text = String::new();
            stderr.rewind()?;
            stderr.read_to_string(&mut text)?;
            Err(io::Error::other(text.lines().last().unwrap_or("it does not start")))
        };
        start().map_err(|error: io::Error| format!("`{python}`: {error}"))
    }

    fn ask(&mut self, what: &str, budget: Duration) -> Vec<f64> {
        self.process.write_line(&format!("{what}\t{}", budget.as_secs_f64()));
        self.process.read_line().split_whitespace().filter_map(|number| number.parse().ok()).collect()
    }
}

impl Side for InPython {
    fn name(&self) -> &'static str {
        self.name
    }

    fn times(&mut self, operation: &str, budget: Duration) -> Vec<Duration> {
        self.ask(operation, budget).into_iter().map(|nanos| Duration::from_nanos(nanos as u64)).collect()
    }

    fn private_bytes(&mut self) -> f64 {
        self.ask("private memory", Duration::ZERO).into_iter().next().unwrap_or(f64::NAN)
    }
}

/// The programs as Python variables. JSON's strings and lists are valid Python.
fn programs() -> String {
    let variable = |name: &str, value: Value| format!("{name} = {value}\n");
    let texts = [("STEP", STEP), ("CALLS", CALLS), ("LOOP", LOOP)];
    let mut all: String = texts.map(|(name, text)| variable(name, text.into())).concat();
    all += &variable("HISTORY", history().into());
    all
}

/// A child process with line-based input and output. Dropping it ends the process.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command) -> io::Result<Running> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        Ok(Running { child, stdin, stdout })
    }

    fn write_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("it is piped");
        writeln!(stdin, "{line}").expect("it reads");
    }

    fn read_line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.stdout.read_line(&mut line);
        line
    }
}

impl Drop for Running {
    /// Closes the child's input, which ends it.
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
