//! Small texts that all policies read or write.

use std::fmt;

/// A number of items in a sentence: `1 item`, `2 items`.
#[derive(Clone, Copy, Debug)]
pub struct Items(pub usize);

impl fmt::Display for Items {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} item{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// The whole numbers in a text, in order.
pub fn numbers(text: &str) -> Vec<usize> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// A Python list of strings, as `repr` writes it.
pub fn python_list(items: &[String]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("'{item}'")).collect();
    format!("[{}]", quoted.join(", "))
}

/// A reply of words and one block of code.
pub fn reply(words: &str, code: &str) -> String {
    format!("{words}\n\n```python\n{}\n```", code.trim_end())
}
