//! Playing a rule-diagnosis task.

use std::collections::BTreeMap;

use fields::{Fields, Place};
use proto::run::Evaluation;
use proto::task::{TaskFile, ToolSpec};
use sandbox::ToolError;
use serde_json::{Map, Value, json};

use super::rule_family::RuleFamily;
use super::tools::tools;
use crate::family::environment::{Environment, FINISH};
use crate::family::object::object;
use crate::family::python_json;
use crate::tool::{self, Bound};

/// A rule and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    family: RuleFamily,
    a: i64,
    b: i64,
    /// The modulus of `affine_mod`; `None` for other rules.
    m: Option<i64>,
}

impl Rule {
    fn read(fields: &Fields<'_>) -> Option<Self> {
        let family = fields.required("family");
        let (a, b) = (fields.required("a"), fields.required("b"));
        let family = family?;
        let m = match family {
            RuleFamily::LinearInt => None,
            RuleFamily::AffineMod => Some(fields.required::<i64>("m").and_then(|m| match m {
                1.. => Some(m),
                _ => fields.at("m").fail(format!("must be positive, found {m}")),
            })?),
        };
        Some(Self { family, a: a?, b: b?, m })
    }

    /// The rule's answer; `None` if it does not fit in 64 bits.
    fn answer(&self, x: i64) -> Option<i64> {
        // Below 2^127: no overflow.
        let linear = i128::from(self.a) * i128::from(x) + i128::from(self.b);
        let answer = self.m.map_or(linear, |m| linear.rem_euclid(i128::from(m)));
        i64::try_from(answer).ok()
    }

    /// Whether a submission has every parameter, and no wrong value. It may also name the family. 7.0 counts as 7.
    fn is_matched_by(&self, submission: &Value) -> bool {
        let Value::Object(given) = submission else { return false };
        let parameters = [Some(("a", self.a)), Some(("b", self.b)), self.m.map(|m| ("m", m))];
        let mut parameters = parameters.into_iter().flatten();
        let right = |key: &str, value: i64| match given.get(key) {
            Some(Value::Number(number)) => {
                number.as_f64() == Some(value as f64) && { number.is_f64() || number.as_i64() == Some(value) }
            }
            _ => false,
        };
        let named = |key: &str| match key {
            "a" | "b" => true,
            "m" => self.m.is_some(),
            "family" => given[key] == self.family.name(),
            _ => false,
        };
        parameters.all(|(key, value)| right(key, value)) && given.keys().all(|key| named(key))
    }
}

/// One episode's rule.
#[derive(Clone, Debug)]
pub struct RuleDiagnosis {
    public: Map<String, Value>,
    tools: Vec<ToolSpec>,
    rule: Rule,
    probe_budget: i64,
    /// Inputs that the task suggests to probe.
    suggested: Option<(i64, i64)>,
    probes: i64,
    /// Whether the last submission was right.
    solved: bool,
}

impl RuleDiagnosis {
    /// An episode before its first probe; `None` after recording what is malformed.
    pub(crate) fn open(task: &TaskFile, root: &Place<'_>) -> Option<Self> {
        let public = Fields::of(&task.public, &root.key("public"));
        let probe_budget = public.required::<i64>("probe_budget").and_then(|budget| match budget {
            1.. => Some(budget),
            _ => public.at("probe_budget").fail(format!("must be positive, found {budget}")),
        });
        let private = Fields::of(&task.private, &root.key("private"));
        let rule = private.object("params").and_then(|params| Rule::read(&params));
        let ends = task.public.get("x_domain").and_then(|domain| domain.get("suggested_range"));
        let suggested = ends.and_then(|ends| Some((ends.get(0)?.as_i64()?, ends.get(1)?.as_i64()?)));
        Some(Self {
            public: task.public.clone(),
            tools: tools(),
            rule: rule?,
            probe_budget: probe_budget?,
            suggested,
            probes: 0,
            solved: false,
        })
    }

    fn test_input(&mut self, x: i64) -> Result<i64, ToolError> {
        if self.probes >= self.probe_budget {
            return Err(tool::runtime_error(format!("Probe budget ({}) exceeded.", self.probe_budget)));
        }
        let answer = self.rule.answer(x);
        let answer = answer.ok_or_else(|| tool::runtime_error("The answer does not fit in 64 bits."))?;
        self.probes += 1;
        Ok(answer)
    }

    /// Text that is not JSON is not a submission: the previous submission still counts.
    fn submit(&mut self, params: &str) -> Result<bool, ToolError> {
        let submission = python_json::parse(params)
            .map_err(|error| tool::runtime_error(format!("Invalid JSON in params: {error}")))?;
        self.solved = self.rule.is_matched_by(&submission);
        Ok(self.solved)
    }
}

impl Environment for RuleDiagnosis {
    fn tools(&self) -> &[ToolSpec] {
        &self.tools
    }

    fn goal(&self) -> String {
        let (rule, example) = match self.rule.family {
            RuleFamily::LinearInt => ("a * x + b", r#"{"a": 1, "b": 2}"#),
            RuleFamily::AffineMod => ("(a * x + b) % m", r#"{"a": 1, "b": 2, "m": 5}"#),
        };
        let suggested = self.suggested.map_or(String::new(), |(low, high)| {
            format!("\n- Any integer can be tested; {low} to {high} is a good range to begin with.")
        });
        format!(
            "A hidden rule maps every integer x to the integer {rule}, with integer parameters that you do \
             not know. Find the parameters.\n\
             \n\
             Rules:\n\
             - Probe budget: at most {budget} inputs can be tested.{suggested}\n\
             - Submit the parameters as a JSON object such as {example}. The task is solved if your last \
             submission is right.\n\
             \n\
             When a submission was right, call finish().",
            budget = self.probe_budget,
        )
    }

    fn public(&self) -> &Map<String, Value> {
        &self.public
    }

    fn call(&mut self, tool: &str, arguments: &[Bound]) -> Result<Value, ToolError> {
        match (tool, arguments) {
            ("test_input", [Bound::Integer(x)]) => self.test_input(*x).map(Value::from),
            ("submit", [Bound::Text(params)]) => self.submit(params).map(Value::from),
            (FINISH, []) => Ok(Value::Null),
            _ => Err(tool::unknown_tool(tool)),
        }
    }

    fn evaluate(&self) -> Evaluation {
        Evaluation {
            is_solved: self.solved,
            score: if self.solved { 1.0 } else { 0.0 },
            metrics: object([
                ("efficiency", json!(1.0 - self.probes as f64 / self.probe_budget as f64)),
                ("family", json!(self.rule.family.name())),
                ("probe_budget", json!(self.probe_budget)),
                ("probes_used", json!(self.probes)),
            ]),
        }
    }

    fn budget_left(&self) -> BTreeMap<String, i64> {
        BTreeMap::from([("probes".to_owned(), self.probe_budget - self.probes)])
    }

    fn fork(&self) -> Box<dyn Environment> {
        Box::new(self.clone())
    }
}
