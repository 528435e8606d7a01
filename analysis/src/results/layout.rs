//! JSON text that is small and readable: each key is on its own line, a list of plain values is on one line.

use serde_json::Value;

/// The text of a value; it ends with a line break.
pub fn text(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text.push('\n');
    text
}

fn write(text: &mut String, value: &Value, depth: usize) {
    let is_plain = |value: &Value| !(value.is_array() || value.is_object());
    match value {
        Value::Object(map) if !map.is_empty() => {
            lines(text, ['{', '}'], depth, map.iter(), |text, (key, value)| {
                text.push_str(&format!("{}: ", Value::from(key.as_str())));
                write(text, value, depth + 1);
            });
        }
        Value::Array(list) if !list.iter().all(is_plain) => {
            lines(text, ['[', ']'], depth, list.iter(), |text, value| write(text, value, depth + 1));
        }
        value => text.push_str(&value.to_string()),
    }
}

fn lines<T>(
    text: &mut String,
    brackets: [char; 2],
    depth: usize,
    items: impl Iterator<Item = T>,
    item: impl Fn(&mut String, T),
) {
    text.push(brackets[0]);
    for (index, entry) in items.enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&" ".repeat(depth + 1));
        item(text, entry);
    }
    text.push_str(&format!("\n{}{}", " ".repeat(depth), brackets[1]));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn lists_of_plain_values_stay_on_a_line() {
        let value = json!({"a": [1, null, "x\n"], "b": {}, "c": [{"d": []}]});
        let text = super::text(&value);
        assert_eq!(
            text,
            "{\n \"a\": [1,null,\"x\\n\"],\n \"b\": {},\n \"c\": [\n  {\n   \"d\": []\n  }\n ]\n}\n"
        );
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
