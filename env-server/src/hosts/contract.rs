//! What an episode of a hosted family relies on.

use std::time::Duration;

use proto::task::ToolSpec;
use serde_json::json;

/// How long a call may take, unless the offer says otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// A family as hosts offer it.
#[derive(Clone, Debug)]
pub struct Contract {
    /// The family.
    pub family: String,
    /// The version of its code.
    pub version: String,
    /// Its tools, `finish` among them.
    pub tools: Vec<ToolSpec>,
    /// How long a call may take.
    pub call_timeout: Duration,
    /// SHA-256 of family, version and tools: the same contract.
    digest: String,
}

impl Contract {
    /// The contract of this family.
    pub fn new(family: &str, version: &str, tools: Vec<ToolSpec>) -> Self {
        Self {
            digest: files::digest::bytes(json!([family, version, tools]).to_string()),
            family: family.to_owned(),
            version: version.to_owned(),
            tools,
            call_timeout: CALL_TIMEOUT,
        }
    }

    /// Whether both are the same, however long calls may take.
    pub fn is(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}
