//! Tool calls: how their arguments bind to a tool's parameters, and the errors where they do not.
//!
//! Binding follows Python's `inspect.Signature.bind_partial`, then looks for missing arguments, then checks types. The
//! first failure is reported.

use std::fmt::Display;

use proto::task::ToolSpec;
use sandbox::{Argument, ToolCall, ToolError, ToolErrorKind};
use serde_json::Value;

use crate::family::python_text;

/// An argument of the type that its parameter asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// For a parameter of type `str`.
    Text(String),
    /// For a parameter of type `int`.
    Integer(i64),
    /// For a parameter of type `float`, `bool`, `list` or `dict`.
    Json(Value),
}

/// The types that a parameter may have.
pub const TYPES: [&str; 6] = ["bool", "dict", "float", "int", "list", "str"];

impl From<Bound> for Value {
    fn from(argument: Bound) -> Self {
        match argument {
            Bound::Text(text) => text.into(),
            Bound::Integer(integer) => integer.into(),
            Bound::Json(value) => value,
        }
    }
}

/// The error of arguments that do not fit.
pub fn invocation_error(reason: impl Display) -> ToolError {
    let kind = ToolErrorKind::Invocation;
    ToolError { kind, message: format!("{}:\n{reason}", kind.exception()) }
}

/// The error of a tool that refuses.
pub fn runtime_error(reason: impl Display) -> ToolError {
    let kind = ToolErrorKind::Runtime;
    ToolError { kind, message: format!("{}: {reason}", kind.exception()) }
}

/// The error of an unknown tool; only a direct tool call can name one.
pub fn unknown_tool(name: &str) -> ToolError {
    invocation_error(format!("Unknown tool {name}"))
}

/// The call's arguments, one for each of the tool's parameters, in order.
///
/// # Errors
/// [`ToolErrorKind::Invocation`] if they do not fit; [`ToolErrorKind::Runtime`]
/// for a value of the right type that cannot be passed on (an integer beyond 64 bits, text with lone surrogates).
pub fn bind(spec: &ToolSpec, call: &ToolCall) -> Result<Vec<Bound>, ToolError> {
    let parameters = &spec.parameters;
    let keyword = |name: &str| call.kwargs.iter().find(|(key, _)| key == name).map(|(_, value)| value);

    for i in 0..call.args.len() {
        let Some(parameter) = parameters.get(i) else {
            return Err(invocation_error("too many positional arguments"));
        };
        if keyword(&parameter.name).is_some() {
            let name = python_text::repr(&parameter.name);
            return Err(invocation_error(format!("multiple values for argument {name}")));
        }
    }
    for (name, _) in &call.kwargs {
        if !parameters.iter().any(|parameter| parameter.name == *name) {
            let name = python_text::repr(name);
            return Err(invocation_error(format!("got an unexpected keyword argument {name}")));
        }
    }
    let mut found = Vec::with_capacity(parameters.len());
    for (i, parameter) in parameters.iter().enumerate() {
        let Some(argument) = call.args.get(i).or_else(|| keyword(&parameter.name)) else {
            return Err(invocation_error(format!("Missing required argument {}", parameter.name)));
        };
        found.push((parameter, argument));
    }
    found
        .into_iter()
        .map(|(parameter, argument)| typed(&parameter.name, &parameter.python_type, argument))
        .collect()
}

/// The argument as the parameter's type. As in `isinstance`, subclasses are accepted, and True is an int. As in annotations, an
/// int is a float.
fn typed(name: &str, wanted: &str, argument: &Argument) -> Result<Bound, ToolError> {
    let unfit = |what: &str| Err(runtime_error(format!("Argument {name} {what}")));
    match (wanted, &argument.value) {
        ("str", Some(Value::String(text))) => Ok(Bound::Text(text.clone())),
        ("str", None) if argument.python_type == "str" => unfit("is text that has no UTF-8 form."),
        ("int", Some(Value::Bool(flag))) => Ok(Bound::Integer(i64::from(*flag))),
        ("int", Some(Value::Number(number))) if !number.is_f64() => match number.as_i64() {
            Some(integer) => Ok(Bound::Integer(integer)),
            None => unfit("does not fit in 64 bits."),
        },
        ("int", None) if argument.python_type == "int" => unfit("does not fit in 64 bits."),
        ("float", Some(Value::Number(number))) => match number.as_f64() {
            Some(number) => Ok(Bound::Json(number.into())),
            None => unfit("is not a finite number."),
        },
        ("float", None) if argument.python_type == "float" => unfit("is not a finite number."),
        ("bool", Some(value @ Value::Bool(_)))
        | ("list", Some(value @ Value::Array(_)))
        | ("dict", Some(value @ Value::Object(_))) => Ok(Bound::Json(value.clone())),
        ("list" | "dict", None) if argument.python_type == wanted => unfit("holds what JSON cannot hold."),
        _ => Err(invocation_error(format!(
            "Argument {name} should be of type {wanted}. Got {} instead.",
            argument.python_type
        ))),
    }
}

#[cfg(test)]
mod tests {
    use proto::task::ToolParameter;
    use serde_json::json;

    use super::*;

    fn spec(parameters: &[(&str, &str)]) -> ToolSpec {
        let parameter =
            |&(name, kind): &(&str, &str)| ToolParameter { name: name.into(), python_type: kind.into() };
        ToolSpec {
            name: "tool".into(),
            description: String::new(),
            parameters: parameters.iter().map(parameter).collect(),
            returns: "None".into(),
        }
    }

    fn call(args: Value, kwargs: Value) -> ToolCall {
        let Value::Array(args) = args else { panic!("args") };
        let Value::Object(kwargs) = kwargs else { panic!("kwargs") };
        ToolCall {
            name: "tool".into(),
            args: args.into_iter().map(Argument::from).collect(),
            kwargs: kwargs.into_iter().map(|(key, value)| (key, value.into())).collect(),
        }
    }

    /// The first failure in the order of Python's own binding is the one reported.
    #[test]
    fn binding_reports_what_python_would() {
        let spec = spec(&[("a", "str"), ("b", "int")]);
        for (args, kwargs, text) in [
            (json!([]), json!({}), "Missing required argument a"),
            (json!(["x"]), json!({}), "Missing required argument b"),
            (json!(["x", 1, 2]), json!({}), "too many positional arguments"),
            (json!(["x", 1, 2]), json!({"a": "y"}), "multiple values for argument 'a'"),
            (json!(["x"]), json!({"a": "y", "foo": 1}), "multiple values for argument 'a'"),
            (json!([]), json!({"foo": 1}), "got an unexpected keyword argument 'foo'"),
            (json!([5]), json!({"b": 1}), "Argument a should be of type str. Got int instead."),
            (json!(["x", 1.0]), json!({}), "Argument b should be of type int. Got float instead."),
            (json!([null, 1]), json!({}), "Argument a should be of type str. Got NoneType instead."),
            (json!([["x"], 1]), json!({}), "Argument a should be of type str. Got list instead."),
            (json!([{}, 1]), json!({}), "Argument a should be of type str. Got dict instead."),
            (json!([true, 1]), json!({}), "Argument a should be of type str. Got bool instead."),
        ] {
            let error = bind(&spec, &call(args, kwargs)).unwrap_err();
            assert_eq!(error.kind, ToolErrorKind::Invocation);
            assert_eq!(error.to_string(), format!("ToolInvocationException:\n{text}"));
        }
    }

    #[test]
    fn keywords_and_subclasses_bind() {
        let spec = spec(&[("a", "str"), ("b", "int")]);
        let bound = |integer| Ok(vec![Bound::Text("x".into()), Bound::Integer(integer)]);
        assert_eq!(bind(&spec, &call(json!([]), json!({"b": -3, "a": "x"}))), bound(-3));
        assert_eq!(bind(&spec, &call(json!(["x", true]), json!({}))), bound(1));
        let mut derived = call(json!(["x", 2]), json!({}));
        derived.args[0].python_type = "Name".into();
        assert_eq!(bind(&spec, &derived), bound(2));
    }

    #[test]
    fn json_binds_to_parameters_of_its_type() {
        let spec = spec(&[("f", "float"), ("b", "bool"), ("l", "list"), ("d", "dict")]);
        let bound = bind(&spec, &call(json!([2, true, [1, "x"], {"a": null}]), json!({}))).unwrap();
        let values: Vec<Value> = bound.into_iter().map(Value::from).collect();
        assert_eq!(json!(values), json!([2.0, true, [1, "x"], {"a": null}]));
        for (args, text) in [
            (json!(["1", true, [], {}]), "Argument f should be of type float. Got str instead."),
            (json!([0.5, 1, [], {}]), "Argument b should be of type bool. Got int instead."),
            (json!([0.5, true, {}, {}]), "Argument l should be of type list. Got dict instead."),
            (json!([0.5, true, [], null]), "Argument d should be of type dict. Got NoneType instead."),
        ] {
            let error = bind(&spec, &call(args, json!({}))).unwrap_err();
            assert_eq!(error.message, format!("ToolInvocationException:\n{text}"));
        }
        let mut infinite = call(json!([0.5, true, [], {}]), json!({}));
        infinite.args[0].value = None;
        let text = "ToolRuntimeException: Argument f is not a finite number.";
        assert_eq!(bind(&spec, &infinite).unwrap_err().message, text);
    }

    #[test]
    fn values_that_cannot_be_handed_over_are_runtime_errors() {
        let spec = spec(&[("x", "int")]);
        let text = "ToolRuntimeException: Argument x does not fit in 64 bits.";
        assert_eq!(bind(&spec, &call(json!([u64::MAX]), json!({}))).unwrap_err().message, text);
        let mut huge = call(json!([0]), json!({}));
        huge.args[0].value = None;
        assert_eq!(bind(&spec, &huge).unwrap_err().message, text);
        huge.args[0].python_type = "object".into();
        let error = bind(&spec, &huge).unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::Invocation);
    }
}
