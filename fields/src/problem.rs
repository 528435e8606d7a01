//! What is wrong in a document.

use std::fmt;

/// One thing that is wrong in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, such as `agents[0].llm.model`; empty for the document as a whole.
    pub path: String,
    /// The rule that is broken there.
    pub rule: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(formatter, "the document: {}", self.rule),
            path => write!(formatter, "{path}: {}", self.rule),
        }
    }
}

/// Everything that is wrong in a document; never empty. Shown as one line a problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// A single problem.
    pub fn one(path: impl Into<String>, rule: impl Into<String>) -> Self {
        Self(vec![Problem { path: path.into(), rule: rule.into() }])
    }

    /// One line a problem, with the paths in backticks.
    pub fn quoted(&self) -> String {
        let line = |problem: &Problem| match problem.path.as_str() {
            "" => problem.rule.clone(),
            path => format!("`{path}`: {}", problem.rule),
        };
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        formatter.write_str(&lines.join("\n"))
    }
}
