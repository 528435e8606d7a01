//! Errors of the sandbox itself. A failure of the agent's code is a [`crate::Failure`].

use std::io;

use crate::budget::NoMemory;

/// Why the sandbox did not run a step. The agent's code never causes it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Every place is taken. Drop or hibernate an interpreter and try again.
    #[error("all {max} interpreters are in use")]
    AtCapacity {
        /// [`crate::Options::max_interpreters`].
        max: u32,
    },
    /// The memory budget ([`crate::Options::budget`]) has no room. Drop or hibernate an interpreter and try again.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
    /// The engine could not be set up, or the guest could not be compiled or linked.
    #[error("setting up the Python sandbox failed")]
    Setup(#[source] Source),
    /// A new interpreter could not be started.
    #[error("starting a Python interpreter failed")]
    Start(#[source] Source),
    /// The snapshot of an interpreter could not be read back.
    #[error("reading the snapshot of a Python interpreter failed")]
    Snapshot(#[source] Source),
    /// Someone stopped the step. The interpreter is as before it.
    #[error("the step was stopped")]
    Stopped,
    /// A tool call has no answer ([`Fault`]). The interpreter is as before the step.
    #[error("a tool call has no answer")]
    Fault(#[source] Fault),
    /// A replayed step behaved differently from its first run.
    #[error("step {step} of {of} did not replay as it ran")]
    Diverged {
        /// The index of the step among those to replay, from 0.
        step: usize,
        /// The number of steps to replay.
        of: usize,
    },
}

/// A tool call has no answer, and the agent's code is not to blame: the step ends without an outcome ([`Error::Fault`]).
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Fault(pub Source);

/// The cause of an [`Error`].
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Adds the likely limits to the kernel's "Cannot allocate memory".
pub(crate) fn explain_kernel_limit(error: wasmtime::Error) -> wasmtime::Error {
    match error.downcast_ref::<io::Error>() {
        Some(refused) if refused.kind() == io::ErrorKind::OutOfMemory => error.context(
            "the kernel gives this process no more memory, or no more memory maps: an interpreter takes two for \
             its place and two while it lives, of vm.max_map_count (raise it with sysctl), and 4 GiB of addresses",
        ),
        _ => error,
    }
}
