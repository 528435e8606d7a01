//! Tables for people: Markdown, so that they can be pasted into a document.

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};

/// What stands where a number is unknown.
pub const UNKNOWN: &str = "-";

/// A table whose first column is text and whose others are numbers; ends with a line break.
pub fn render(header: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header).add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{table}\n")
}

/// A number with thousands separators and this many decimals.
pub fn number(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let groups: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().filter_map(|c| str::from_utf8(c).ok()).collect();
    // No minus in front of what is rounded to zero.
    let sign = if value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", groups.join(","))
}

/// A number, or [`UNKNOWN`].
pub fn number_or_unknown(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| number(value, decimals))
}

/// Four decimals, or three digits of a smaller one.
pub fn p_value(p: f64) -> String {
    if p < 1e-3 { format!("{p:.2e}") } else { format!("{p:.4}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(number(1_234_567.891, 1), "1,234,567.9");
        assert_eq!(number(-1234.0, 0), "-1,234");
        assert_eq!(number(999.0, 2), "999.00");
        assert_eq!(number(-0.04, 1), "0.0");
        assert_eq!(number_or_unknown(None, 1), "-");
    }
}
