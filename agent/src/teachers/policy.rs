//! Which scripted policies there are.

/// A scripted policy: what it assumes about the interpreter's state between two steps, and how much it
/// writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Assumes that everything it has defined still exists.
    Persistent,
    /// Assumes that nothing is kept.
    Reset,
    /// As [`Policy::Persistent`], in the terse style.
    PlainPersistent,
    /// As [`Policy::Reset`], in the terse style.
    PlainReset,
}

impl Policy {
    const ALL: [Self; 4] = [Self::Persistent, Self::Reset, Self::PlainPersistent, Self::PlainReset];

    /// The name in a config (`llm.model`) and in traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Persistent => "persistent-habit",
            Self::Reset => "reset-habit",
            Self::PlainPersistent => "persistent-plain",
            Self::PlainReset => "reset-plain",
        }
    }

    /// The policy of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }

    /// All names, separated by commas.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}
