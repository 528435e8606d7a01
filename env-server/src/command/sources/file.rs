//! The options that a file sets.

use clap::Command;
use fields::{Collector, Place, Problems, unknown_key};
use serde_json::Value;

use super::known::{CONFIG, Kind, Known};

/// The options that a document sets, with their values, in its order. A switch that is off sets nothing.
///
/// # Errors
/// Everything that is wrong in it.
pub fn read<'k>(
    text: &str,
    command: &Command,
    known: &'k [Known],
) -> Result<Vec<(&'k Known, Vec<String>)>, Problems> {
    let document = fields::from_yaml(text)?;
    let collector = Collector::default();
    let root = collector.root();
    let settings = match &document {
        Value::Object(map) => {
            let settings = map.iter().map(|(key, value)| setting(key, value, &root.key(key), command, known));
            // All keys are read before giving up, to report the problems of all.
            settings.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()
        }
        other => root.expected("an object", other),
    };
    collector.finish(settings.map(|settings| settings.into_iter().flatten().collect()))
}

/// What a key sets: `Some(None)` for nothing; `None` after recording what is wrong.
fn setting<'k>(
    key: &str,
    value: &Value,
    place: &Place<'_>,
    command: &Command,
    known: &'k [Known],
) -> Option<Option<(&'k Known, Vec<String>)>> {
    let options = known.iter().filter(|option| option.key != CONFIG);
    let Some(option) = options.clone().find(|option| option.key == key) else {
        let known: Vec<&str> = options.map(|option| option.key.as_str()).collect();
        return place.fail(unknown_key(key, &known));
    };
    let values = match (option.kind, value) {
        (Kind::Switch, Value::Bool(false)) => return Some(None),
        (Kind::Switch, Value::Bool(true)) => return Some(Some((option, Vec::new()))),
        (Kind::Switch, other) => return place.expected("a boolean", other),
        (Kind::Several, Value::Array(elements)) => {
            let texts = elements.iter().enumerate().map(|(index, element)| (place.index(index), element));
            texts.map(|(place, element)| text(option, element, &place, command)).collect::<Vec<_>>()
        }
        (Kind::One | Kind::Several, value) => vec![text(option, value, place, command)],
    };
    let values: Option<Vec<String>> = values.into_iter().collect();
    values.map(|values| Some((option, values)))
}

fn text(option: &Known, value: &Value, place: &Place<'_>, command: &Command) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => return place.expected("a text or a number", other),
    };
    match option.check(command, text.as_ref()) {
        Ok(()) => Some(text),
        Err(rule) => place.fail(rule),
    }
}
