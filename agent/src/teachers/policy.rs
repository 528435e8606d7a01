//! Which scripted policies there are.

/// A scripted policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Acts by writing Python.
    Code(Habit),
    /// Acts by calling tools (ReAct).
    React,
}

/// What a policy that writes Python assumes about the interpreter's state between two steps, and how much it
/// writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Assumes that everything it has defined still exists.
    Persistent,
    /// Assumes that nothing is kept.
    Reset,
    /// As [`Habit::Persistent`], in the terse style.
    PlainPersistent,
    /// As [`Habit::Reset`], in the terse style.
    PlainReset,
}

impl Habit {
    /// Whether it relies on names that an earlier block defined.
    pub fn relies_on_names(self) -> bool {
        matches!(self, Self::Persistent | Self::PlainPersistent)
    }

    /// Whether it has the terse style.
    pub fn is_plain(self) -> bool {
        matches!(self, Self::PlainPersistent | Self::PlainReset)
    }
}

impl Policy {
    const ALL: [Self; 5] = [
        Self::Code(Habit::Persistent),
        Self::Code(Habit::Reset),
        Self::Code(Habit::PlainPersistent),
        Self::Code(Habit::PlainReset),
        Self::React,
    ];

    /// The name in a config (`llm.model`) and in traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code(Habit::Persistent) => "persistent-habit",
            Self::Code(Habit::Reset) => "reset-habit",
            Self::Code(Habit::PlainPersistent) => "persistent-plain",
            Self::Code(Habit::PlainReset) => "reset-plain",
            Self::React => "react",
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
