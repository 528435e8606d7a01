//! Small texts that all policies read or write.

use std::fmt;

/// A number of items in a sentence: `1 item`, `2 items`.
#[derive(Clone, Copy, Debug)]
pub struct Items(pub usize);

impl fmt::Display for Items {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Count(self.0, "item").fmt(formatter)
    }
}

/// A number of things in a sentence: `1 move`, `2 moves`.
#[derive(Clone, Copy, Debug)]
pub struct Count(pub usize, pub &'static str);

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// The whole numbers in a text, in order, without signs.
pub fn numbers(text: &str) -> Vec<usize> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// The integers in a text, in order.
pub fn integers(text: &str) -> Vec<i64> {
    text.split(|c: char| !c.is_ascii_digit() && c != '-').filter_map(|digits| digits.parse().ok()).collect()
}

/// The names in a text, in order: runs of letters, digits and `_`.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// A Python list of strings, as `repr` writes it.
pub fn python_list(items: &[String]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("'{item}'")).collect();
    format!("[{}]", quoted.join(", "))
}

/// Code with four more spaces before each line.
pub fn indented(code: &str) -> String {
    code.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect()
}

/// A reply of words and one block of code.
pub fn reply(words: &str, code: &str) -> String {
    format!("{words}\n\n```python\n{}\n```", code.trim_end())
}
