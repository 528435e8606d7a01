//! The programs that are a part of the package.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command line `arguments` of `env-server`, the program's name first; returns the exit status.
#[pyfunction]
pub fn env_server(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| ::env_server::command::main(arguments))
}

/// Runs the command line `arguments` of `agent`, the program's name first; returns the exit status.
#[pyfunction]
pub fn agent(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| ::agent::command::main(arguments))
}
