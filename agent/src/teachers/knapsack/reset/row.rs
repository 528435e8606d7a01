//! Inspected items as the reset policy's code prints them and later blocks hold them.

/// How known items are printed and copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Elements of a list: (id, class, weight, value).
    Tuples,
    /// Entries of a dict: id -> (class, weight, value).
    Entries,
}

/// An inspected item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: String,
    pub class: String,
    pub weight: u64,
    pub value: u64,
}

impl Row {
    /// The row as Python.
    pub fn literal(&self, form: Form) -> String {
        let Self { id, class, weight, value } = self;
        match form {
            Form::Tuples => format!("('{id}', '{class}', {weight}, {value})"),
            Form::Entries => format!("'{id}': ('{class}', {weight}, {value})"),
        }
    }

    /// The rows in a text: each on a line of its own, in either form.
    pub fn all_in(text: &str) -> Vec<Self> {
        text.lines().filter_map(Self::parse).collect()
    }

    /// Reads `('id', 'class', weight, value)` or `'id': ('class', weight, value)`.
    fn parse(line: &str) -> Option<Self> {
        let inside = line.strip_suffix(')')?;
        let flat = match inside.strip_prefix('(') {
            Some(tuple) => tuple.to_owned(),
            None => inside.replacen(": (", ", ", 1),
        };
        let parts: Vec<&str> = flat.split(", ").collect();
        let [id, class, weight, value] = parts[..] else { return None };
        let unquote = |part: &str| Some(part.strip_prefix('\'')?.strip_suffix('\'')?.to_owned());
        Some(Self {
            id: unquote(id)?,
            class: unquote(class)?,
            weight: weight.parse().ok()?,
            value: value.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, Row};

    #[test]
    fn rows_survive_printing_and_copying() {
        let row = Row { id: "item_0a".into(), class: "B".into(), weight: 7, value: 90 };
        let (tuple, entry) = (row.literal(Form::Tuples), row.literal(Form::Entries));
        assert_eq!(tuple, "('item_0a', 'B', 7, 90)");
        assert_eq!(entry, "'item_0a': ('B', 7, 90)");
        let output = format!("{tuple}\n{entry}\n5 known (so far)\n");
        assert_eq!(Row::all_in(&output), [row.clone(), row]);
        assert_eq!(Row::all_in("('item_0a', 'B', 7\n('item_0a', 'B', 7)"), []);
    }
}
