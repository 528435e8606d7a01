//! The commands of `env-server`.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command line `arguments`, the program's name first; returns the exit status.
#[pyfunction]
pub fn env_server(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| ::env_server::command::main(arguments))
}
