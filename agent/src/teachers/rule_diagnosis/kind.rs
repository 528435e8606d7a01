//! The kinds of rule.

/// A kind of rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `a * x + b`
    Linear,
    /// `(a * x + b) % m`
    Affine,
}

impl Kind {
    /// The names in public data.
    pub const NAMES: &str = "linear_int, affine_mod";

    /// The kind of a name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "linear_int" => Some(Self::Linear),
            "affine_mod" => Some(Self::Affine),
            _ => None,
        }
    }
}
