//! A family's section of a generator config, and what is drawn from it.

use fields::Fields;
use serde_json::{Map, Value};

use super::drawn::Drawn;
use super::stream::Stream;
use super::{knapsack, navigation, rule_diagnosis};

/// How the tasks of one family are drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum FamilyConfig {
    /// See [`knapsack::Config`].
    Knapsack(knapsack::Config),
    /// See [`navigation::Config`].
    Navigation(navigation::Config),
    /// See [`rule_diagnosis::Config`].
    RuleDiagnosis(rule_diagnosis::Config),
}

impl FamilyConfig {
    /// Reads the keys of a family's section; `None` after recording why not.
    pub(crate) fn read(family: &str, fields: &Fields<'_>) -> Option<Self> {
        match family {
            knapsack::NAME => knapsack::Config::read(fields).map(Self::Knapsack),
            navigation::NAME => navigation::Config::read(fields).map(Self::Navigation),
            rule_diagnosis::NAME => rule_diagnosis::Config::read(fields).map(Self::RuleDiagnosis),
            _ => None,
        }
    }

    /// Name of the family.
    pub fn family(&self) -> &'static str {
        match self {
            Self::Knapsack(_) => knapsack::NAME,
            Self::Navigation(_) => navigation::NAME,
            Self::RuleDiagnosis(_) => rule_diagnosis::NAME,
        }
    }

    /// The settings with every default filled in, as a section's keys.
    pub fn settings(&self) -> Map<String, Value> {
        match self {
            Self::Knapsack(config) => config.settings(),
            Self::Navigation(config) => config.settings(),
            Self::RuleDiagnosis(config) => config.settings(),
        }
    }

    /// Draws one task.
    ///
    /// # Errors
    /// Why these settings gave no task, as text for the log.
    pub(crate) fn draw(&self, seed: u64) -> Result<Drawn, String> {
        let mut stream = Stream::new(seed);
        match self {
            Self::Knapsack(config) => knapsack::draw(config, &mut stream),
            Self::Navigation(config) => Ok(navigation::draw(config, &mut stream)),
            Self::RuleDiagnosis(config) => Ok(rule_diagnosis::draw(config, &mut stream)),
        }
    }
}
