//! Changes a document's values, so that most of what is tried is still a document.

use serde_json::{Map, Value, json};

/// The most changes at a time.
const MAX_CHANGES: u64 = 4;

/// Changes the document in the first `size` bytes of `data`, which has room for `max_size`. Returns the new size; `None` if
/// [`mutate`] does not change it, or it does not fit.
pub fn mutate_in_place(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> Option<usize> {
    let changed = mutate(&data[..size], seed).filter(|changed| changed.len() <= max_size)?;
    data[..changed.len()].copy_from_slice(&changed);
    Some(changed.len())
}

/// A changed copy of an input: of the document that it is, or of that in one of its lines. `None` if there is none, and
/// every other time, so that its bytes are changed instead. The same seed makes the same changes.
pub fn mutate(input: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut random = Random(u64::from(seed));
    if random.below(2) == 0 {
        return None;
    }
    let text = std::str::from_utf8(input).ok()?;
    if let Some(document) = document(text) {
        return Some(changed(document, &mut random).to_string().into_bytes());
    }
    // Requests are lines of their own.
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = random.below(lines.len());
    let line = lines.get(at)?;
    if random.below(4) == 0 {
        let (copy, to) = (line.clone(), random.below(lines.len() + 1));
        lines.insert(to, copy);
    } else {
        let start = line.find('{')?;
        let body = changed(serde_json::from_str(&line[start..]).ok()?, &mut random);
        lines[at] = format!("{}{body}", &line[..start]);
    }
    Some(lines.join("\n").into_bytes())
}

/// An object or array, in JSON or YAML.
fn document(text: &str) -> Option<Value> {
    let value = serde_json::from_str(text).ok().or_else(|| fields::from_yaml(text).ok())?;
    (value.is_object() || value.is_array()).then_some(value)
}

fn changed(mut document: Value, random: &mut Random) -> Value {
    for _ in 0..=random.next() % MAX_CHANGES {
        let donor = random.below(count(&document));
        let donor = nth(&mut document, donor).cloned().unwrap_or_default();
        let at = random.below(count(&document));
        if let Some(value) = nth(&mut document, at) {
            change(value, donor, random);
        }
    }
    document
}

/// Values in a value, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(elements) => elements.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

fn nth(value: &mut Value, at: usize) -> Option<&mut Value> {
    fn find<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
        if *left == 0 {
            return Some(value);
        }
        *left -= 1;
        match value {
            Value::Array(elements) => elements.iter_mut().find_map(|element| find(element, left)),
            Value::Object(map) => map.values_mut().find_map(|value| find(value, left)),
            _ => None,
        }
    }
    find(value, &mut { at })
}

/// Changes one value; `donor` is another one of the document.
fn change(value: &mut Value, donor: Value, random: &mut Random) {
    match (random.below(4), &mut *value) {
        (0, value) => *value = donor,
        (1, value) => *value = random.value(),
        (_, Value::Array(elements)) => {
            let at = random.below(elements.len() + 1);
            match random.below(3) {
                0 => elements.insert(at, donor),
                1 if at < elements.len() => drop(elements.remove(at)),
                _ => {
                    let copies = elements.clone();
                    elements.extend(copies);
                }
            }
        }
        (_, Value::Object(map)) => change_object(map, donor, random),
        (_, Value::String(text)) => match serde_json::from_str::<Value>(text) {
            // A document in a text, such as a call's arguments.
            Ok(inner) if inner.is_object() || inner.is_array() => {
                *text = changed(inner, random).to_string();
            }
            _ => {
                let at = text.floor_char_boundary(random.below(text.len() + 1));
                match random.below(3) {
                    0 => text.truncate(at),
                    1 => *text = text.repeat(2),
                    _ => text.insert(
                        at,
                        *random.one_of(&['\0', '\n', '"', '\\', '\'', '{', ' ', 'é', '\u{10ffff}']),
                    ),
                }
            }
        },
        (_, Value::Number(number)) => {
            *value = match (random.below(4), number.as_i64()) {
                (0, Some(integer)) => json!(integer.saturating_add(1)),
                (1, Some(integer)) => json!(integer.saturating_sub(1)),
                (2, Some(integer)) => json!(integer.saturating_neg()),
                (_, Some(integer)) => json!(integer.saturating_mul(10)),
                (_, None) => json!(number.as_f64().unwrap_or_default() / 3.0),
            }
        }
        (_, value) => *value = random.value(),
    }
}

fn change_object(map: &mut Map<String, Value>, donor: Value, random: &mut Random) {
    let at = random.below(map.len());
    let Some(key) = map.keys().nth(at).cloned() else { return };
    match random.below(3) {
        0 => drop(map.shift_remove(&key)),
        // A key that is data, such as an item's id.
        1 => drop(map.insert(format!("{key}_"), donor)),
        _ => {
            let moved = map.shift_remove(&key).unwrap_or_default();
            map.insert(donor.as_str().unwrap_or("x").to_owned(), moved);
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    /// A number below `bound`, or 0.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % (bound.max(1) as u64)) as usize
    }

    fn one_of<'a, T>(&mut self, elements: &'a [T]) -> &'a T {
        &elements[self.below(elements.len())]
    }

    /// A value at the end of some range.
    fn value(&mut self) -> Value {
        self.one_of(&[
            Value::Null,
            json!(true),
            json!(false),
            json!(0),
            json!(-1),
            json!(1),
            json!(i64::MAX),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(u32::MAX),
            json!(-0.0),
            json!(0.1),
            json!(f64::MAX),
            json!(f64::MIN_POSITIVE),
            json!(""),
            json!("0s"),
            json!("315576000001s"),
            json!([]),
            json!({}),
        ])
        .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_is_still_a_document() {
        let inputs = [r#"{"a": [1, {"b": "c"}], "d": "{\"e\": 1}"}"#, "a: [1, 2]\nb: c\n"];
        for input in inputs {
            let changed: Vec<_> = (0..200).filter_map(|seed| mutate(input.as_bytes(), seed)).collect();
            assert!(changed.len() > 50 && changed.iter().any(|changed| changed != input.as_bytes()));
            assert!(changed.iter().all(|changed| serde_json::from_slice::<Value>(changed).is_ok()));
        }
        assert_eq!(mutate(inputs[0].as_bytes(), 5), mutate(inputs[0].as_bytes(), 5));
    }

    #[test]
    fn lines_keep_their_method() {
        let input = "Step {\"stepIndex\": 0}\nCloseEpisode {}";
        let changed: Vec<_> = (0..200).filter_map(|seed| mutate(input.as_bytes(), seed)).collect();
        assert!(changed.len() > 50);
        for text in changed {
            let text = String::from_utf8(text).unwrap();
            assert!(text.lines().all(|line| line.starts_with("Step ") || line.starts_with("CloseEpisode ")));
        }
    }
}
