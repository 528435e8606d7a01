//! Drawing rule-diagnosis tasks.

use serde_json::{Value, json};

use super::config::Config;
use super::rule_family::RuleFamily;
use crate::family::drawn::Drawn;
use crate::family::object::object;
use crate::family::stream::Stream;

/// Draws one task.
pub(crate) fn draw(config: &Config, stream: &mut Stream) -> Drawn {
    let family = *stream.choose(&config.families);
    let (params, suggested, notes) = match family {
        RuleFamily::LinearInt => {
            let a = nonzero(|| stream.integer(config.linear_a.low, config.linear_a.high));
            let b = stream.integer(config.linear_b.low, config.linear_b.high);
            let params = object([("a", json!(a)), ("b", json!(b)), ("family", json!(family.name()))]);
            (params, [-20, 20], Value::Null)
        }
        RuleFamily::AffineMod => {
            let m = *stream.choose(&config.mod_m);
            let a = stream.integer(config.mod_a.low, config.mod_a.high.min(m - 1));
            let b = stream.integer(config.mod_b.low, config.mod_b.high.min(m - 1));
            let family = ("family", json!(family.name()));
            let params = object([("a", json!(a)), ("b", json!(b)), family, ("m", json!(m))]);
            (params, [0, 2 * m], "Answers are remainders, so they never reach the modulus.".into())
        }
    };
    let budget = stream.integer(config.probe_budget.low, config.probe_budget.high);
    let params = Value::Object(params);
    Drawn {
        difficulty: object([("probe_budget", json!(budget)), ("rule_family", json!(family.name()))]),
        public: object([
            ("family_hint", json!(family.name())),
            ("notes", notes),
            ("probe_budget", json!(budget)),
            ("x_domain", json!({"suggested_range": suggested, "type": "int"})),
        ]),
        private: object([("params", params.clone())]),
        reference: object([("params", params)]),
        title: "Rule diagnosis: find the parameters of a hidden integer rule",
        output_format: "No text answer: the last parameters submitted are the answer.",
    }
}

/// Draws until the number is not 0.
fn nonzero(mut draw: impl FnMut() -> i64) -> i64 {
    loop {
        let number = draw();
        if number != 0 {
            return number;
        }
    }
}
