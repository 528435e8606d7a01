//! The version of this build.

/// The semantic version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The git commit, with `-dirty` if the tree differed from it; empty if unknown.
pub const COMMIT: &str = env!("GIT_COMMIT");
