//! A tool call that happened, as an episode keeps it.

use sandbox::{Argument, ToolCall, ToolError, ToolRecord};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The key of the positional arguments beside those by keyword.
const POSITIONAL: &str = "*";

/// A tool call that happened. JSON is kept as text, which takes less memory than parsed values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCallRecord {
    /// The tool's name.
    pub name: String,
    /// The arguments: a JSON array (positional) or object (by keyword). A call with both kinds is an object with the
    /// positional arguments, an array, under `*`. A value that JSON cannot hold is named by its type. Of a direct call whose
    /// arguments were no JSON, they are a string.
    pub arguments_json: String,
    /// The answer, a JSON value as text.
    pub answer: Result<String, ToolError>,
    /// The arguments as the code gave them, where `arguments_json` does not tell all of them: a set, a tuple.
    exact: Option<Box<ExactArguments>>,
}

/// The arguments of a call, with their Python types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ExactArguments {
    args: Vec<ExactArgument>,
    kwargs: Vec<(String, ExactArgument)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ExactArgument {
    python_type: String,
    /// The value as JSON; `None` if JSON cannot hold it.
    json: Option<String>,
}

impl ToolCallRecord {
    /// The record of a direct call whose arguments could not be read.
    pub fn unreadable(name: String, arguments: &str, error: ToolError) -> Self {
        Self { name, arguments_json: Value::from(arguments).to_string(), answer: Err(error), exact: None }
    }

    /// The record of a call that was answered, from its texts in JSON.
    pub fn answered(name: String, arguments_json: String, result_json: String) -> Self {
        Self { name, arguments_json, answer: Ok(result_json), exact: None }
    }

    /// Bytes of the answer or of the error's text.
    pub fn answer_bytes(&self) -> usize {
        match &self.answer {
            Ok(result_json) => result_json.len(),
            Err(error) => error.message.len(),
        }
    }

    /// The call and its answer, exactly as they were. For calls that code made, not for direct ones.
    ///
    /// # Errors
    /// The record is not one of such a call.
    pub fn exact(&self) -> Result<ToolRecord, serde_json::Error> {
        let (args, kwargs) = match &self.exact {
            Some(exact) => exact.arguments()?,
            None => arguments(serde_json::from_str(&self.arguments_json)?),
        };
        let answer = match &self.answer {
            Ok(json) => Ok(serde_json::from_str(json)?),
            Err(error) => Err(error.clone()),
        };
        Ok(ToolRecord { call: ToolCall { name: self.name.clone(), args, kwargs }, answer })
    }
}

impl From<ToolRecord> for ToolCallRecord {
    fn from(record: ToolRecord) -> Self {
        Self {
            arguments_json: arguments_json(&record.call),
            exact: ExactArguments::of(&record.call),
            name: record.call.name,
            answer: record.answer.map(|value| value.to_string()),
        }
    }
}

impl ExactArguments {
    /// The arguments of a call; `None` if their JSON tells all of them.
    fn of(call: &ToolCall) -> Option<Box<Self>> {
        let plain = |argument: &Argument| {
            argument.value.as_ref().is_some_and(|value| Argument::json_type(value) == argument.python_type)
        };
        let told = call.args.iter().all(plain)
            && call.kwargs.iter().all(|(name, argument)| name != POSITIONAL && plain(argument));
        let exact = |argument: &Argument| ExactArgument {
            python_type: argument.python_type.clone(),
            json: argument.value.as_ref().map(Value::to_string),
        };
        (!told).then(|| {
            let kwargs = call.kwargs.iter().map(|(name, argument)| (name.clone(), exact(argument)));
            Box::new(Self { args: call.args.iter().map(exact).collect(), kwargs: kwargs.collect() })
        })
    }

    fn arguments(&self) -> Result<Arguments, serde_json::Error> {
        let argument = |exact: &ExactArgument| {
            let value = exact.json.as_deref().map(serde_json::from_str).transpose()?;
            Ok::<_, serde_json::Error>(Argument { python_type: exact.python_type.clone(), value })
        };
        let args = self.args.iter().map(argument).collect::<Result<_, _>>()?;
        let named = |(name, exact): &(String, ExactArgument)| Ok((name.clone(), argument(exact)?));
        Ok((args, self.kwargs.iter().map(named).collect::<Result<_, serde_json::Error>>()?))
    }
}

/// Positional arguments, and those by keyword.
type Arguments = (Vec<Argument>, Vec<(String, Argument)>);

fn arguments_json(call: &ToolCall) -> String {
    let value = |argument: &Argument| {
        argument.value.clone().unwrap_or_else(|| Value::String(format!("<{}>", argument.python_type)))
    };
    let positional: Vec<Value> = call.args.iter().map(value).collect();
    if call.kwargs.is_empty() {
        return Value::Array(positional).to_string();
    }
    let positional = (!positional.is_empty()).then(|| (POSITIONAL.to_owned(), Value::Array(positional)));
    let by_keyword = call.kwargs.iter().map(|(name, argument)| (name.clone(), value(argument)));
    Value::Object(positional.into_iter().chain(by_keyword).collect()).to_string()
}

/// Reverses [`arguments_json`] where that tells everything.
fn arguments(json: Value) -> Arguments {
    let positional = |values: Vec<Value>| values.into_iter().map(Argument::from).collect();
    let by_keyword = |values: Map<String, Value>| {
        values.into_iter().map(|(name, value)| (name, Argument::from(value))).collect()
    };
    match json {
        Value::Array(values) => (positional(values), Vec::new()),
        Value::Object(mut values) => {
            let args = match values.shift_remove(POSITIONAL) {
                Some(Value::Array(args)) => positional(args),
                _ => Vec::new(),
            };
            (args, by_keyword(values))
        }
        other => (vec![Argument::from(other)], Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn argument(python_type: &str, value: Option<Value>) -> Argument {
        Argument { python_type: python_type.to_owned(), value }
    }

    fn any_argument() -> impl Strategy<Value = Argument> {
        prop_oneof![
            Just(argument("set", None)),
            Just(argument("tuple", Some(json!([1, "two"])))),
            Just(argument("float", Some(json!(0.1 + 0.2)))),
            Just(argument("MyText", Some(json!("<set>")))),
            any::<i64>().prop_map(|number| Argument::from(json!(number))),
            any::<u64>().prop_map(|number| Argument::from(json!(number))),
            any::<f64>().prop_map(|number| Argument::from(json!(number))),
            ".*".prop_map(|text| Argument::from(json!(text))),
            Just(Argument::from(json!({"b": [true, null], "a": 1.0}))),
        ]
    }

    proptest! {
        #[test]
        fn a_call_is_kept_exactly(
            args in prop::collection::vec(any_argument(), 0..3),
            kwargs in prop::collection::btree_map("[a-c*]", any_argument(), 0..3),
            failed: bool,
        ) {
            let call = ToolCall { name: "tool".to_owned(), args, kwargs: kwargs.into_iter().rev().collect() };
            let answer = if failed { Err(crate::tool::runtime_error("no")) } else { Ok(json!([0.1 + 0.2])) };
            let record = ToolRecord { call, answer };
            let kept = ToolCallRecord::from(record.clone());
            prop_assert_eq!(kept.exact().unwrap(), record.clone());
            let bytes = postcard::to_allocvec(&kept).unwrap();
            prop_assert_eq!(postcard::from_bytes::<ToolCallRecord>(&bytes).unwrap(), kept);
        }
    }

    #[test]
    fn what_json_tells_is_kept_once() {
        let call = ToolCall {
            name: "inspect".to_owned(),
            args: vec![Argument::from(json!("item_1"))],
            kwargs: vec![("count".to_owned(), Argument::from(json!(3)))],
        };
        let kept = ToolCallRecord::from(ToolRecord { call, answer: Ok(json!(null)) });
        assert_eq!((kept.arguments_json.as_str(), &kept.exact), (r#"{"*":["item_1"],"count":3}"#, &None));
    }
}
