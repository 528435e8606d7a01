//! What can go wrong with the sandbox itself. What the agent's code does wrong is a [`crate::Failure`].

/// A sandbox that does not work. Never the agent's doing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Every interpreter is in use: close one and try again.
    #[error("all {max} interpreters are in use")]
    AtCapacity {
        /// [`crate::Options::max_interpreters`].
        max: u32,
    },
    /// The engine could not be set up, or the guest could not be compiled or linked.
    #[error("setting up the Python sandbox failed")]
    Setup(#[source] Source),
    /// A new interpreter could not be started.
    #[error("starting a Python interpreter failed")]
    Start(#[source] Source),
    /// What was kept of an interpreter that slept cannot be read back.
    #[error("waking a Python interpreter failed")]
    Snapshot(#[source] Source),
    /// Running the earlier steps again did not give what they gave the first time.
    #[error("step {step} of {of} did not replay as it ran")]
    Diverged {
        /// Which of the interpreter's steps, from 0.
        step: usize,
        /// How many there are to replay.
        of: usize,
    },
}

/// What lies under an [`Error`].
pub type Source = Box<dyn std::error::Error + Send + Sync>;
