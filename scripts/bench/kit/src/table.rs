//! Tables for a terminal that are also Markdown, and the figures in them.

use comfy_table::{CellAlignment, presets};

pub use comfy_table::Table;

/// The figure of something that was not measured.
pub const ABSENT: &str = "-";

/// A Markdown table; the columns `numbers`, counted from 0, are aligned to the right.
pub fn table<const N: usize>(
    header: &[&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    numbers: std::ops::RangeInclusive<usize>,
) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(header).add_rows(rows);
    for column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Bytes in millions.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}
