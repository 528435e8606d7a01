//! Failed calls as Python exceptions.

use client::{CallError, GroupError, reason, retry_after};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tonic::Status;
use tonic_types::StatusExt as _;

/// Why a call has no answer.
pub enum Failure {
    /// There is no connection to the servers.
    Connect(GroupError),
    /// A server said so, or can't be reached.
    Call(CallError),
}

impl From<GroupError> for Failure {
    fn from(error: GroupError) -> Self {
        Self::Connect(error)
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        Python::attach(|py| exception(py, &failure).map_or_else(|error| error, PyErr::from_value))
    }
}

/// The exception of `runtime_gym._errors` for a failure.
pub fn exception<'py>(py: Python<'py>, failure: &Failure) -> PyResult<Bound<'py, PyAny>> {
    let errors = py.import(intern!(py, "runtime_gym._errors"))?;
    let (text, status): (String, Option<&Status>) = match failure {
        Failure::Connect(error @ GroupError::NoInfo { status, .. }) => (error.to_string(), Some(status)),
        Failure::Connect(error) => (error.to_string(), None),
        Failure::Call(error) => (error.to_string(), Some(&error.status)),
    };
    let Some(status) = status else {
        let class = match failure {
            Failure::Connect(GroupError::Connect(_)) => "Unavailable",
            _ => "InvalidArgument",
        };
        return errors.getattr(class)?.call1((text,));
    };
    let server = match failure {
        Failure::Call(error) => &*error.server,
        Failure::Connect(_) => "",
    };
    let fields = PyDict::new(py);
    for violation in status.get_details_bad_request().into_iter().flat_map(|bad| bad.field_violations) {
        fields.set_item(violation.field, violation.description)?;
    }
    let code = format!("{:?}", status.code());
    let wait = retry_after(status).map(|wait| wait.as_secs_f64());
    errors.getattr(intern!(py, "of_status"))?.call1((text, code, reason(status), fields, wait, server))
}
