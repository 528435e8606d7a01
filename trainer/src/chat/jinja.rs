//! Jinja as transformers sets it up for chat templates: its functions and filters, and Jinja2's tests where
//! minijinja's differ.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::{json, methods};

/// The environment of chat templates.
pub fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_unknown_method_callback(methods::call);
    environment.add_filter("tojson", to_json);
    environment.add_function("raise_exception", |message: String| -> Result<(), _> { Err(refused(message)) });
    environment.add_function("strftime_now", |format: &str| {
        let broken = jiff::fmt::strtime::BrokenDownTime::from(&jiff::Zoned::now());
        broken.to_string(format).map_err(|error| refused(error.to_string()))
    });
    environment.add_function("joiner", minijinja_contrib::globals::joiner);
    environment.add_filter("int", to_int);
    environment.add_test("callable", |value: &Value| value.kind() == ValueKind::Plain);
    environment.add_test("iterable", is_iterable);
    environment.add_test("sequence", is_sequence);
    Ok(environment)
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// `iter(value)` succeeds; undefined values are empty.
fn is_iterable(value: &Value) -> bool {
    !value.is_none() && value.try_iter().is_ok()
}

/// The value has a length and can be indexed: strings and mappings, too.
fn is_sequence(value: &Value) -> bool {
    value.is_undefined() || matches!(value.kind(), ValueKind::String | ValueKind::Seq | ValueKind::Map)
}

/// The filter `int`: what is no number becomes the default.
fn to_int(
    state: &State<'_, '_>,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    options: Kwargs,
) -> Result<Value, Error> {
    let otherwise = match &default {
        Some(default) => default.clone(),
        None => options.get::<Option<Value>>("default")?.unwrap_or(Value::from(0)),
    };
    Ok(minijinja::filters::int(state, value, default, base, options).unwrap_or(otherwise))
}

/// The filter `tojson`: Python's `json.dumps`, without the HTML escapes of Jinja's own.
fn to_json(_: &State<'_, '_>, value: &Value, ascii: Option<bool>, options: Kwargs) -> Result<Value, Error> {
    let style = json::Style {
        ascii: match ascii {
            Some(ascii) => ascii,
            None => options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false),
        },
        indent: match options.get::<Option<Value>>("indent")? {
            None => None,
            Some(value) => match (value.as_str(), value.as_i64()) {
                (Some(text), _) => Some(text.to_owned()),
                (None, Some(width)) => Some(" ".repeat(usize::try_from(width).unwrap_or(0))),
                (None, None) => return Err(refused("tojson: `indent` must be a number or a string")),
            },
        },
        separators: options
            .get::<Option<Vec<String>>>("separators")?
            .map(<[String; 2]>::try_from)
            .transpose()
            .map_err(|_| refused("tojson: `separators` must be two strings"))?,
        sort_keys: options.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
    };
    options.assert_all_used()?;
    let value = serde_json::to_value(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    Ok(Value::from_safe_string(json::dumps(value, style)))
}
