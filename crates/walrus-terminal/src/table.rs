//! Tables that fit the terminal.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent, presets::NOTHING};
use walrus_core::text::printable;

/// Space between two columns.
const GAP: usize = 2;
/// The part of it that belongs to the left one.
const PADDING: u16 = 1;

/// How much of a table is shown.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct TableArgs {
    /// `wide` shows all columns, however wide the terminal is
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub output: Option<TableStyle>,
}

/// The value of `-o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableStyle {
    /// All columns
    Wide,
}

/// Where a column is shown and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The words at its head.
    pub title: &'static str,
    /// Numbers stand at the right.
    pub is_number: bool,
    /// When it is left out.
    pub importance: Importance,
}

/// When a column is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// Shown with `-o wide` only.
    Wide,
    /// Left out, from the right, where the terminal is too narrow.
    Useful,
    /// Always shown.
    Essential,
}

/// A column that is always shown.
pub const fn essential(title: &'static str) -> Column {
    column(title, Importance::Essential)
}

/// A column that narrow terminals do without.
pub const fn useful(title: &'static str) -> Column {
    column(title, Importance::Useful)
}

/// A column of `-o wide`.
pub const fn wide(title: &'static str) -> Column {
    column(title, Importance::Wide)
}

const fn column(title: &'static str, importance: Importance) -> Column {
    Column {
        title,
        is_number: false,
        importance,
    }
}

impl Column {
    /// The same with its values at the right.
    #[must_use]
    pub const fn number(self) -> Self {
        Self {
            is_number: true,
            ..self
        }
    }
}

/// The text of a table, with a line below the head and none between the rows. What the cells hold
/// may come from outside. Columns that do not fit are left out, and a last line says so.
///
/// Where stdout is no terminal, a line may be as long as it is.
pub fn text(columns: &[Column], rows: &[Vec<String>], args: TableArgs) -> String {
    text_in(columns, rows, args, terminal_width())
}

/// Width of the terminal on stdout: `COLUMNS` if set, for those whose terminal does not tell.
fn terminal_width() -> Option<usize> {
    let told = std::env::var("COLUMNS").ok();
    let told = told
        .and_then(|width| width.parse().ok())
        .filter(|width| *width > 0);
    told.or_else(|| Table::new().width().map(usize::from))
}

fn text_in(
    columns: &[Column],
    rows: &[Vec<String>],
    args: TableArgs,
    terminal: Option<usize>,
) -> String {
    let is_wide = args.output == Some(TableStyle::Wide);
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|cell| printable(cell).into_owned())
                .collect()
        })
        .collect();
    let width = |index: usize| {
        let cells = rows.iter().filter_map(|row| row.get(index));
        let cells = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        cells.max(columns[index].title.chars().count()) + GAP
    };
    let mut shown: Vec<usize> = (0..columns.len())
        .filter(|index| is_wide || columns[*index].importance > Importance::Wide)
        .collect();
    let limit = terminal.filter(|_| !is_wide);
    let mut hidden = columns.len() - shown.len();
    if let Some(limit) = limit {
        while shown.iter().map(|index| width(*index)).sum::<usize>() > limit + GAP {
            let last = shown
                .iter()
                .rposition(|index| columns[*index].importance == Importance::Useful);
            let Some(last) = last else { break };
            shown.remove(last);
            hidden += 1;
        }
    }
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─');
    table.set_header(shown.iter().map(|index| columns[*index].title));
    if let Some(limit) = limit.and_then(|limit| u16::try_from(limit).ok()) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(limit);
    } else {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    for row in &rows {
        table.add_row(
            shown
                .iter()
                .map(|index| row.get(*index).map_or("", String::as_str)),
        );
    }
    for (position, index) in shown.iter().enumerate() {
        if let Some(column) = table.column_mut(position) {
            // The space between columns stands at their right, so that nothing is indented; one of
            // it is the place of the vertical lines that are not drawn.
            let is_last = position + 1 == shown.len();
            column.set_padding((0, if is_last { 0 } else { PADDING }));
            if columns[*index].is_number {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let mut text = table.trim_fmt();
    if hidden > 0 && terminal.is_some() {
        write!(text, "\n({hidden} more: -o wide)").expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        essential("Name"),
        useful("Stake").number(),
        useful("Address"),
        wide("ID"),
    ];

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        vec![
            row(["node-1", "7 WAL", "127.0.0.1:9185", "0x01"]),
            row(["harbour\n\x1b[31m", "1,000 WAL", "h:1", "0x02"]),
        ]
    }

    fn shown(output: Option<TableStyle>, width: Option<usize>) -> String {
        text_in(&COLUMNS, &rows(), TableArgs { output }, width)
    }

    #[test]
    fn columns_are_aligned_without_rules_between_rows() {
        let text = shown(None, None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[1].chars().all(|char| char == '─'), "{text}");
        assert!(
            lines[3].starts_with(r"harbour\n\u{1b}[31m  1,000 WAL  h:1"),
            "{text}"
        );
        let end = |line: &str, word: &str| line.find(word).unwrap() + word.len();
        assert_eq!(end(lines[0], "Stake"), end(lines[2], "7 WAL"));
        assert!(
            !text.contains("0x01") && !text.contains("-o wide"),
            "{text}"
        );
    }

    #[test]
    fn narrow_terminals_get_fewer_columns_and_are_told() {
        for width in [20, 30, 40, 80] {
            let text = shown(None, Some(width));
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width, "{width}:\n{text}");
        }
        assert!(shown(None, Some(80)).ends_with("\n(1 more: -o wide)"));
        assert!(shown(None, Some(30)).ends_with("\n(2 more: -o wide)"));
    }

    #[test]
    fn wide_tables_have_everything_on_any_terminal() {
        let text = shown(Some(TableStyle::Wide), Some(20));
        for part in ["Stake", "127.0.0.1:9185", "0x02"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(text.lines().count(), 4, "{text}");
    }
}
