//! The error of a study that someone stopped.

/// Someone stopped the study.
#[derive(Debug, thiserror::Error)]
#[error("stopped; the same command goes on from here")]
pub struct Interrupted;
