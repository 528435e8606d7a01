//! What this build is.

/// Semver.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Git commit, with `-dirty` where the tree differed; empty if unknown.
pub const COMMIT: &str = env!("GIT_COMMIT");
