//! What the benches share: interpreters to measure, and facts about the process and the machine.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbox::{
    Config, Interpreter, InterpreterState, Limits, Sandbox, Semantics, SharedTools, Tool, ToolCall,
    ToolError, ToolHost,
};
use serde_json::{Value, json};

struct Answer;

impl ToolHost for Answer {
    fn call(&mut self, _call: &ToolCall) -> Result<Value, ToolError> {
        Ok(json!("42"))
    }
}

/// The tools of an interpreter: `ask`, which answers at once.
pub fn tools() -> SharedTools {
    Arc::new(Mutex::new(Answer))
}

/// A new interpreter with these tools and no limit of tool calls.
pub fn interpreter(
    sandbox: &Sandbox,
    state: InterpreterState,
    seed: u64,
) -> Result<Interpreter, sandbox::Error> {
    let ask = Tool { name: "ask".into(), parameters: vec!["q: str".into()], doc: String::new() };
    let limits = Limits { tool_calls: u32::MAX, ..Limits::default() };
    let semantics = Semantics::Script;
    let config = Config { state, semantics, seed, limits, tools: vec![ask], record_definitions: false };
    sandbox.interpreter(config, tools())
}

/// Runs a step that must succeed, and returns what it printed.
pub fn run(python: &mut Interpreter, code: &str) -> String {
    let outcome = python.run(code).expect("the sandbox works");
    assert!(outcome.success, "{code}: {:?}", outcome.error);
    outcome.output
}

/// A quantile of `times` in milliseconds; NaN if there are none.
pub fn quantile(times: &mut [Duration], share: f64) -> f64 {
    times.sort();
    let at = (times.len().saturating_sub(1) as f64 * share) as usize;
    times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// The private memory of a process in bytes, as counted by the kernel. `process` is `self` or a number.
pub fn private_bytes(process: &str) -> f64 {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))
        .expect("Linux counts the process's memory");
    field_sum(&rollup, "Private_") * 1024.0
}

/// The sum of the numbers in all lines with a prefix.
pub fn field_sum(text: &str, begin: &str) -> f64 {
    let lines = text.lines().filter(|line| line.starts_with(begin));
    lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum()
}

/// Processors, memory and kernel in one line.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field_sum(&read("/proc/meminfo"), "MemTotal:") * 1024.0 / 1e9;
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cores} processors ({}), {memory:.1} GB, Linux {}", model.unwrap_or("unknown"), kernel.trim())
}
