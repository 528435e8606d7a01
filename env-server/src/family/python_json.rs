//! JSON as Python's `json.loads` reads it, with its error messages.
//!
//! Agents read these messages, and models know them from Python. Wording and positions (in characters, not bytes) are
//! those of CPython 3.11.

use std::fmt;

use serde_json::{Map, Number, Value};

/// The deepest nesting that is read; Python has a limit, too.
const MAX_DEPTH: usize = 500;

/// Why a text is not JSON. Reads e.g. `Expecting value: line 1 column 1 (char 0)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Error {
    message: &'static str,
    line: usize,
    column: usize,
    position: usize,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, line, column, position } = self;
        write!(formatter, "{message}: line {line} column {column} (char {position})")
    }
}

/// The value of a JSON text. `NaN` and the infinities, which Python takes for
/// numbers, are read as null.
pub(super) fn parse(text: &str) -> Result<Value, Error> {
    let mut scanner = Scanner { text: text.chars().collect(), position: 0, depth: 0 };
    let result = scanner.document();
    result.map_err(|(message, position)| {
        let before = &scanner.text[..position];
        let line_start = before.iter().rposition(|&c| c == '\n').map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|&&c| c == '\n').count() + 1;
        Error { message, line, column: position - line_start + 1, position }
    })
}

/// A message and the position that it is about.
type Scanned<T> = Result<T, (&'static str, usize)>;

struct Scanner {
    text: Vec<char>,
    position: usize,
    depth: usize,
}

impl Scanner {
    fn document(&mut self) -> Scanned<Value> {
        if self.peek() == Some('\u{feff}') {
            return Err(("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0));
        }
        self.skip_space();
        let value = self.value()?;
        self.skip_space();
        if self.position < self.text.len() {
            return Err(("Extra data", self.position));
        }
        Ok(value)
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.position).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.position += 1;
        }
    }

    /// Skips a character if it is the next one.
    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.position += usize::from(found);
        found
    }

    fn value(&mut self) -> Scanned<Value> {
        match self.peek() {
            Some('"') => self.string().map(Value::String),
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::array),
            Some('-' | '0'..='9') if !self.starts_with("-Infinity") => self.number(),
            _ => self.word(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Scanned<Value>) -> Scanned<Value> {
        if self.depth == MAX_DEPTH {
            return Err(("Nested too deeply", self.position));
        }
        self.depth += 1;
        self.position += 1;
        self.skip_space();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Scanned<Value> {
        let mut map = Map::new();
        if self.take('}') {
            return Ok(Value::Object(map));
        }
        loop {
            if self.peek() != Some('"') {
                return Err(("Expecting property name enclosed in double quotes", self.position));
            }
            let key = self.string()?;
            self.skip_space();
            if !self.take(':') {
                return Err(("Expecting ':' delimiter", self.position));
            }
            self.skip_space();
            let value = self.value()?;
            map.insert(key, value);
            self.skip_space();
            if self.take('}') {
                return Ok(Value::Object(map));
            }
            self.comma()?;
        }
    }

    fn array(&mut self) -> Scanned<Value> {
        let mut elements = Vec::new();
        if self.take(']') {
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value()?);
            self.skip_space();
            if self.take(']') {
                return Ok(Value::Array(elements));
            }
            self.comma()?;
        }
    }

    fn comma(&mut self) -> Scanned<()> {
        if !self.take(',') {
            return Err(("Expecting ',' delimiter", self.position));
        }
        self.skip_space();
        Ok(())
    }

    fn starts_with(&self, word: &str) -> bool {
        let rest = &self.text[self.position.min(self.text.len())..];
        word.chars().enumerate().all(|(i, wanted)| rest.get(i) == Some(&wanted))
    }

    fn word(&mut self) -> Scanned<Value> {
        let words = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Null),
            ("Infinity", Value::Null),
            ("-Infinity", Value::Null),
        ];
        for (word, value) in words {
            if self.starts_with(word) {
                self.position += word.len();
                return Ok(value);
            }
        }
        Err(("Expecting value", self.position))
    }

    /// The longest prefix that is a number: `-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?`. The caller checks what
    /// follows.
    fn number(&mut self) -> Scanned<Value> {
        let start = self.position;
        let mut end = start + usize::from(self.text[start] == '-');
        let digits = |from: usize| from + self.text[from..].iter().take_while(|c| c.is_ascii_digit()).count();
        end = match self.text.get(end) {
            Some('0') => end + 1,
            Some('1'..='9') => digits(end),
            _ => return Err(("Expecting value", start)),
        };
        if self.text.get(end) == Some(&'.') && digits(end + 1) > end + 1 {
            end = digits(end + 1);
        }
        if matches!(self.text.get(end), Some('e' | 'E')) {
            let sign = usize::from(matches!(self.text.get(end + 1), Some('-' | '+')));
            let exponent = end + 1 + sign;
            if exponent < self.text.len() && digits(exponent) > exponent {
                end = digits(exponent);
            }
        }
        let text: String = self.text[start..end].iter().collect();
        self.position = end;
        let number = text.parse::<i64>().map(Number::from).ok();
        let number = number.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64));
        Ok(number.map_or(Value::Null, Value::Number))
    }

    fn string(&mut self) -> Scanned<String> {
        let start = self.position;
        let unterminated = ("Unterminated string starting at", start);
        let mut units: Vec<u16> = Vec::new();
        self.position += 1;
        loop {
            let character = self.peek().ok_or(unterminated)?;
            self.position += 1;
            match character {
                '"' => return Ok(String::from_utf16_lossy(&units)),
                '\\' => units.push(self.escape(unterminated)?),
                '\0'..='\u{1f}' => return Err(("Invalid control character at", self.position - 1)),
                _ => units.extend_from_slice(character.encode_utf16(&mut [0; 2])),
            }
        }
    }

    /// The UTF-16 unit of an escape, after its backslash.
    fn escape(&mut self, unterminated: (&'static str, usize)) -> Scanned<u16> {
        let backslash = self.position - 1;
        let character = self.peek().ok_or(unterminated)?;
        self.position += 1;
        let plain = match character {
            '"' | '\\' | '/' => character,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.hex_escape(),
            _ => return Err(("Invalid \\escape", backslash)),
        };
        // All of them are ASCII.
        Ok(u32::from(plain) as u16)
    }

    /// The four digits of a `\u` escape, after its `u`. As in CPython, the text
    /// must not end right after them.
    fn hex_escape(&mut self) -> Scanned<u16> {
        let end = self.position + 4;
        let digits = self.text.get(self.position..end).filter(|_| end < self.text.len());
        let unit = digits.and_then(|digits| {
            digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + digit.to_digit(16)?))
        });
        let unit = unit.ok_or(("Invalid \\uXXXX escape", self.position - 1))?;
        self.position = end;
        Ok(unit as u16)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The messages are those of `json.loads` in CPython 3.11 for these texts.
    #[test]
    fn errors_read_as_pythons() {
        for (text, message) in [
            ("", "Expecting value: line 1 column 1 (char 0)"),
            ("  ", "Expecting value: line 1 column 3 (char 2)"),
            ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("{bad json", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("{\"a\"", "Expecting ':' delimiter: line 1 column 5 (char 4)"),
            ("{\"a\" 1}", "Expecting ':' delimiter: line 1 column 6 (char 5)"),
            ("{\"a\": }", "Expecting value: line 1 column 7 (char 6)"),
            ("{\"a\": 1,}", "Expecting property name enclosed in double quotes: line 1 column 9 (char 8)"),
            ("{\"a\": 1 \"b\": 2}", "Expecting ',' delimiter: line 1 column 9 (char 8)"),
            ("{\"a\": 1", "Expecting ',' delimiter: line 1 column 8 (char 7)"),
            ("[1,]", "Expecting value: line 1 column 4 (char 3)"),
            ("[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"),
            ("[", "Expecting value: line 1 column 2 (char 1)"),
            ("{\"a\": 1} x", "Extra data: line 1 column 10 (char 9)"),
            ("{\"a\": \"b", "Unterminated string starting at: line 1 column 7 (char 6)"),
            ("\"a\nb\"", "Invalid control character at: line 1 column 3 (char 2)"),
            ("\"\\q\"", "Invalid \\escape: line 1 column 2 (char 1)"),
            ("\"\\u12g4\"", "Invalid \\uXXXX escape: line 1 column 3 (char 2)"),
            ("\"\\u1234", "Invalid \\uXXXX escape: line 1 column 3 (char 2)"),
            ("\"\\u12", "Invalid \\uXXXX escape: line 1 column 3 (char 2)"),
            ("nul", "Expecting value: line 1 column 1 (char 0)"),
            ("-", "Expecting value: line 1 column 1 (char 0)"),
            ("-x", "Expecting value: line 1 column 1 (char 0)"),
            ("1.", "Extra data: line 1 column 2 (char 1)"),
            ("01", "Extra data: line 1 column 2 (char 1)"),
            ("1e", "Extra data: line 1 column 2 (char 1)"),
            (
                "{\n \"a\": 1,\n b}",
                "Expecting property name enclosed in double quotes: line 3 column 2 (char 12)",
            ),
            ("\u{feff}{}", "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)"),
            ("\"é\" x", "Extra data: line 1 column 5 (char 4)"),
            ("{'a': 1}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("[1", "Expecting ',' delimiter: line 1 column 3 (char 2)"),
            ("\"\\", "Unterminated string starting at: line 1 column 1 (char 0)"),
            ("{\"a\":1}}", "Extra data: line 1 column 8 (char 7)"),
            ("\"abc\\u123\"", "Invalid \\uXXXX escape: line 1 column 6 (char 5)"),
            ("[\"\t\"]", "Invalid control character at: line 1 column 3 (char 2)"),
            ("  \n {\"é\": tru}", "Expecting value: line 2 column 8 (char 10)"),
            ("1.5.2", "Extra data: line 1 column 4 (char 3)"),
            ("-0x", "Extra data: line 1 column 3 (char 2)"),
            ("\"\\u\"", "Invalid \\uXXXX escape: line 1 column 3 (char 2)"),
            ("{\"a\":\"\\u12345", "Unterminated string starting at: line 1 column 6 (char 5)"),
            ("{,}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("[,]", "Expecting value: line 1 column 2 (char 1)"),
            ("{\"a\":,}", "Expecting value: line 1 column 6 (char 5)"),
            ("Infinit", "Expecting value: line 1 column 1 (char 0)"),
            ("--1", "Expecting value: line 1 column 1 (char 0)"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text:?}");
        }
    }

    #[test]
    fn values_read_as_pythons() {
        let text = r#" {"a": [1, -2.5, 1e2, true, null, "\u00e9\ud83d\ude00\n"], "b": {}, "a2": NaN} "#;
        let value = json!({"a": [1, -2.5, 100.0, true, null, "é😀\n"], "b": {}, "a2": null});
        assert_eq!(parse(text), Ok(value));
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    proptest::proptest! {
        /// Without 0 and exponents: Python has no negative zero among its
        /// integers, and takes numbers past the range of doubles.
        #[test]
        fn agrees_with_serde_json(text in r#"[\[\]{}:,"a12. \\-]{0,12}"#) {
            let theirs: Result<Value, _> = serde_json::from_str(&text);
            proptest::prop_assert_eq!(parse(&text).ok(), theirs.ok());
        }
    }
}
