//! Inspected items as the terse policies' code prints them.

/// An inspected item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Position in the sorted list of ids.
    pub position: usize,
    pub weight: u64,
    pub value: u64,
    pub class: String,
}

impl Row {
    /// The rows in a printed list of tuples.
    pub fn all_in(output: &str) -> Vec<Self> {
        output.split('(').skip(1).filter_map(Self::parse).collect()
    }

    /// Reads `0, 12, 40, 'B')...`.
    fn parse(text: &str) -> Option<Self> {
        let (inside, _) = text.split_once(')')?;
        let parts: Vec<&str> = inside.split(", ").collect();
        let [position, weight, value, class] = parts[..] else { return None };
        Some(Self {
            position: position.parse().ok()?,
            weight: weight.parse().ok()?,
            value: value.parse().ok()?,
            class: class.strip_prefix('\'')?.strip_suffix('\'')?.to_owned(),
        })
    }
}

/// Rows as the code prints them.
pub fn literal(rows: &[Row]) -> String {
    let tuple = |row: &Row| format!("({}, {}, {}, '{}')", row.position, row.weight, row.value, row.class);
    format!("[{}]", rows.iter().map(tuple).collect::<Vec<_>>().join(", "))
}
