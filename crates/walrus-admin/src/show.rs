//! Tables, and lists of facts.

use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent, presets::NOTHING};
use walrus_core::text::printable;

/// The same table, broken inside its cells where the terminal is too narrow for it: for tables of
/// words. What is piped has one line for each row.
pub(crate) fn fitted_table(header: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> String {
    let mut table = build(header, right, rows);
    // comfy-table looks at stdout itself, and leaves the width alone where it is no terminal.
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.trim_fmt()
}

/// A table; the columns named in `right` hold numbers.
pub(crate) fn table(header: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> String {
    build(header, right, rows).trim_fmt()
}

fn build(header: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─');
    table.set_header(header.iter().copied());
    for row in rows {
        // Names, titles and reasons are whatever somebody has written on chain.
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// `name: value` lines whose values are aligned.
pub(crate) fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 1;
    let lines: Vec<String> = facts
        .iter()
        .map(|(name, value)| format!("{:<width$} {value}", format!("{name}:")))
        .collect();
    lines.join("\n")
}

/// `1 stake`, `2 stakes`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_aligned() {
        let text = facts(&[("Epoch", "3".to_owned()), ("Next step", "none".to_owned())]);
        assert_eq!(text, "Epoch:     3\nNext step: none");
    }
}
