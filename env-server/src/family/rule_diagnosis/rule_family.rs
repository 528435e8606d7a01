//! The kinds of rule.

/// A kind of rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleFamily {
    /// `a x + b`
    LinearInt,
    /// `(a x + b) mod m`, from 0 to m - 1
    AffineMod,
}

impl RuleFamily {
    const ALL: [Self; 2] = [Self::LinearInt, Self::AffineMod];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinearInt => "linear_int",
            Self::AffineMod => "affine_mod",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// The problem of an unknown name; lists the known ones.
    pub fn unknown(name: &str) -> String {
        format!("unknown rule family {name:?}; known: {}", Self::ALL.map(Self::name).join(", "))
    }
}
