//! Who makes a call.

use std::sync::Arc;

use crate::quota::Quota;

/// The tenant of every caller of a server without tokens.
const DEFAULT_TENANT: &str = "default";

/// Who makes a call: an extension of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose episodes the caller acts in.
    pub tenant: Arc<str>,
    /// What the caller may do.
    pub role: Role,
    /// How much the tenant may use. An operator's calls are not counted.
    pub quota: Quota,
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Acts for its own tenant, and sees nothing else.
    Agent,
    /// Sees and does everything, in every tenant.
    Operator,
}

impl Default for Caller {
    /// A caller of a server without tokens.
    fn default() -> Self {
        Self { tenant: DEFAULT_TENANT.into(), role: Role::Agent, quota: Quota::default() }
    }
}

impl Caller {
    /// Whether the caller may act for `tenant`.
    pub fn may_act_for(&self, tenant: &str) -> bool {
        self.role == Role::Operator || *self.tenant == *tenant
    }

    /// Whether the caller may see and do everything.
    pub fn is_operator(&self) -> bool {
        self.role == Role::Operator
    }
}
