//! Tables of numbers.

use comfy_table::{CellAlignment, Table, presets};

/// A table in Markdown with these columns: the first has names, and the others have numbers.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
