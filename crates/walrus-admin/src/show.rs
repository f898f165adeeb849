//! Tables, and amounts inside them.

use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent, presets::NOTHING};
use walrus_core::{Frost, text::printable};
use walrus_terminal::format::thousands;

const MIST_PER_SUI: u128 = 1_000_000_000;
/// Amounts below a thousandth of a WAL read better in FROST.
const FROST_BELOW: u64 = 1_000_000;

/// An exact amount: `12,345.5 WAL`, or `250,000 FROST` if it is small.
pub(crate) fn wal(amount: Frost) -> String {
    if amount.0 > 0 && amount.0 < FROST_BELOW {
        return format!("{} FROST", thousands(amount.0));
    }
    let text = amount.to_string();
    let digits_end = text.find(['.', ' ']).unwrap_or(text.len());
    let (whole, rest) = text.split_at(digits_end);
    match whole.parse() {
        Ok(whole) => format!("{}{rest}", thousands(whole)),
        Err(_) => text,
    }
}

/// An amount of gas in SUI.
pub(crate) fn sui(mist: i128) -> String {
    let sign = if mist < 0 { "-" } else { "" };
    let mist = mist.unsigned_abs();
    let fraction = format!("{:09}", mist % MIST_PER_SUI);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction} SUI", mist / MIST_PER_SUI)
}

/// The same table, broken inside its cells where the terminal is too narrow for it: for tables of words. What is piped
/// has one line for each row.
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
    fn amounts_are_exact_and_grouped() {
        for (frost, text) in [
            (0, "0 WAL"),
            (250_000, "250,000 FROST"),
            (1_000_000, "0.001 WAL"),
            (12_345_500_000_000, "12,345.5 WAL"),
            (u64::MAX, "18,446,744,073.709551615 WAL"),
        ] {
            assert_eq!(wal(Frost(frost)), text);
        }
    }

    #[test]
    fn gas_may_be_given_back() {
        assert_eq!(sui(1_500_000_000), "1.5 SUI");
        assert_eq!(sui(-2_000_000), "-0.002 SUI");
        assert_eq!(sui(0), "0 SUI");
    }

    #[test]
    fn facts_are_aligned() {
        let text = facts(&[("Epoch", "3".to_owned()), ("Next step", "none".to_owned())]);
        assert_eq!(text, "Epoch:     3\nNext step: none");
    }
}
