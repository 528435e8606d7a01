//! The version of this program.

/// The version (semver).
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The git commit that the program was built from, with `-dirty` if files differed from it; empty if unknown.
pub const COMMIT: &str = env!("GIT_COMMIT");
