//! Text as Python writes it, for messages that an agent reads.

use std::fmt::Write as _;

/// `repr()` of a string of printable text, with the quotes that Python would choose.
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut written = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            _ if character == quote => {
                written.push('\\');
                written.push(quote);
            }
            // Writing to a String cannot fail.
            _ if character.is_ascii_control() => {
                let _ = write!(written, "\\x{:02x}", u32::from(character));
            }
            _ => written.push(character),
        }
    }
    written.push(quote);
    written
}

/// `repr()` of a list of strings.
pub fn repr_list<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    let written: Vec<String> = texts.into_iter().map(|text| repr(text)).collect();
    format!("[{}]", written.join(", "))
}

/// `json.dumps()` of a string: characters outside ASCII are escaped.
pub fn json_string(text: &str) -> String {
    let mut written = String::from('"');
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '\u{8}' => written.push_str("\\b"),
            '\u{c}' => written.push_str("\\f"),
            ' '..='~' => written.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(written, "\\u{unit:04x}");
                }
            }
        }
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repr_chooses_quotes_as_python_does() {
        for (text, written) in [
            ("J", "'J'"),
            ("it's", "\"it's\""),
            ("it's \"so\"", "'it\\'s \"so\"'"),
            ("a\\b\n\u{1}é", "'a\\\\b\\n\\x01é'"),
        ] {
            assert_eq!(repr(text), written);
        }
    }

    #[test]
    fn json_strings_are_ascii() {
        assert_eq!(json_string("é\u{1f600}\u{7f}\"\n"), r#""\u00e9\ud83d\ude00\u007f\"\n""#);
    }
}
