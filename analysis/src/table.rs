//! Tables for people, as Markdown and as LaTeX.

use comfy_table::CellAlignment;
use comfy_table::presets::ASCII_MARKDOWN;
use serde::Serialize;

use crate::stats::interval::Estimate;

/// The text of an unknown number.
pub const UNKNOWN: &str = "-";

/// A table whose first column is text and whose others are numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The titles of the columns.
    pub header: Vec<String>,
    /// The rows; each is as long as the header.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// As Markdown; ends with a line break.
    pub fn markdown(&self) -> String {
        let cells = |row: &Vec<String>| row.iter().map(|cell| cell.replace('|', "/")).collect();
        render(cells(&self.header), self.rows.iter().map(cells).collect())
    }

    /// As LaTeX, for a document that uses `booktabs`.
    pub fn latex(&self, caption: &str, label: &str) -> String {
        let line = |row: &Vec<String>| {
            format!("{} \\\\\n", row.iter().map(|cell| latex(cell)).collect::<Vec<_>>().join(" & "))
        };
        let columns = format!("l{}", "r".repeat(self.header.len().saturating_sub(1)));
        format!(
            "\\begin{{table*}}[t]\n\\centering\n\\small\n\\caption{{{}}}\n\\label{{tab:{label}}}\n\
             \\begin{{tabular}}{{{columns}}}\n\\toprule\n{}\\midrule\n{}\\bottomrule\n\\end{{tabular}}\n\\end{{table*}}\n",
            latex(caption),
            line(&self.header),
            self.rows.iter().map(line).collect::<String>(),
        )
    }
}

/// Text with LaTeX's special characters escaped.
fn latex(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', letter]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '→' => escaped.push_str("$\\rightarrow$"),
            '×' => escaped.push_str("$\\times$"),
            '−' => escaped.push_str("$-$"),
            '≥' => escaped.push_str("$\\geq$"),
            '≤' => escaped.push_str("$\\leq$"),
            '<' => escaped.push_str("$<$"),
            '>' => escaped.push_str("$>$"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A table whose first column is text and whose others are numbers; ends with a line break.
pub fn render(header: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
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
    // No minus sign before a number that is rounded to zero.
    let sign = if value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", groups.join(","))
}

/// A number, or [`UNKNOWN`].
pub fn number_or_unknown(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| number(value, decimals))
}

/// A value and its interval.
pub fn estimate(estimate: Estimate, decimals: usize) -> String {
    let interval = estimate.interval.map_or_else(String::new, |interval| {
        format!(" [{}, {}]", number(interval.low, decimals), number(interval.high, decimals))
    });
    format!("{}{interval}", number(estimate.value, decimals))
}

/// A p-value with four decimals, or with three significant digits below 0.001.
pub fn p_value(p: f64) -> String {
    if p < 1e-3 { format!("{p:.2e}") } else { format!("{p:.4}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_in_latex() {
        let table = Table {
            header: vec!["a_b".into(), "%".into()],
            rows: vec![vec!["p → r".into(), "1 < 2".into()]],
        };
        let text = table.latex("50 % of it", "main");
        assert!(text.contains("\\caption{50 \\% of it}\n\\label{tab:main}\n\\begin{tabular}{lr}"), "{text}");
        assert!(text.contains("a\\_b & \\% \\\\\n\\midrule\np $\\rightarrow$ r & 1 $<$ 2 \\\\\n"), "{text}");
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(number(1_234_567.891, 1), "1,234,567.9");
        assert_eq!(number(-1234.0, 0), "-1,234");
        assert_eq!(number(999.0, 2), "999.00");
        assert_eq!(number(-0.04, 1), "0.0");
        assert_eq!(number_or_unknown(None, 1), "-");
    }
}
