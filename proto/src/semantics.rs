//! How an interpreter runs a block of code: as a script, or as a cell of a notebook.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::env::v1;

/// How a block of code is run and how its failures are shown. `runtime_gym.env.v1.Semantics` lists the differences.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Semantics {
    /// As the paper's interpreter does.
    #[default]
    Script,
    /// As people expect from a notebook or a code-interpreter tool.
    Notebook,
}

impl Semantics {
    /// Both, in the order of tables.
    pub const ALL: [Self; 2] = [Self::Script, Self::Notebook];

    /// The name in files and on screens: `script` or `notebook`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Notebook => "notebook",
        }
    }

    /// The semantics of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|semantics| semantics.name() == name)
    }

    /// The semantics that a message asks for: script if it names none.
    pub fn from_wire(semantics: v1::Semantics) -> Self {
        match semantics {
            v1::Semantics::Unspecified | v1::Semantics::Script => Self::Script,
            v1::Semantics::Notebook => Self::Notebook,
        }
    }

    /// Whether these are the semantics of files that name none.
    pub fn is_script(&self) -> bool {
        *self == Self::Script
    }
}

impl From<Semantics> for v1::Semantics {
    fn from(semantics: Semantics) -> Self {
        match semantics {
            Semantics::Script => Self::Script,
            Semantics::Notebook => Self::Notebook,
        }
    }
}

impl fmt::Display for Semantics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
