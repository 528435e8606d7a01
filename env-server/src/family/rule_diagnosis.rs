//! Rule diagnosis: find the parameters of a hidden integer rule by probing it,
//! within a budget of probes.

mod config;
mod generate;
mod play;

use proto::task::ToolSpec;

use super::{finish_spec, tool_spec};

pub use config::Config;
pub(crate) use generate::draw;
pub use play::RuleDiagnosis;

/// The family's name.
pub const NAME: &str = "rule_diagnosis";

/// The kinds of rule there are.
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

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// What a wrong name could have been.
    fn unknown(name: &str) -> String {
        format!("unknown rule family {name:?}; known: {}", Self::ALL.map(Self::name).join(", "))
    }
}

/// The family's tool contract.
fn tools() -> Vec<ToolSpec> {
    vec![
        tool_spec(
            "test_input",
            &[("x", "int")],
            "int",
            "The rule's answer for x. Uses up 1 of the probe budget, also for an x tested before.",
        ),
        tool_spec(
            "submit",
            &[("params", "str")],
            "bool",
            "Submits the rule's parameters as a JSON object, and says whether they are right. The last \
             submission counts.",
        ),
        finish_spec(),
    ]
}
