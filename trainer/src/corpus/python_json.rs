//! JSON as Python writes it: with `NaN` and infinities, which JSON does not have.

use std::borrow::Cow;

/// The words that Python writes for numbers that are none; a longer one before its end.
const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// The text with null in place of these words, outside of strings.
pub fn without_nan(text: &str) -> Cow<'_, str> {
    if !text.contains("NaN") && !text.contains("Infinity") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if !in_string && let Some(word) = WORDS.iter().find(|word| rest.starts_with(**word)) {
            out.push_str("null");
            rest = &rest[word.len()..];
            continue;
        }
        in_string = in_string != (character == '"' && !escaped);
        escaped = in_string && character == '\\' && !escaped;
        out.push(character);
        rest = &rest[character.len_utf8()..];
    }
    Cow::Owned(out)
}
