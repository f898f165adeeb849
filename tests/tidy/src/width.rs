//! Lines are at most as wide as the formatter makes them, comments too.

use crate::{Finding, Tree, source};

/// Most columns of a line: `max_width` in `rustfmt.toml`.
pub const COLUMNS_MAX: usize = 100;

/// Lines of Rust that are too wide, where it is not a text in the program that makes them so:
/// messages stay in one piece, to be found. A row of a table and an address cannot be broken
/// either.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_extension("rs") {
        let code = source::code_only(text);
        for (number, (line, code)) in text.lines().zip(code.lines()).enumerate() {
            let columns = line.chars().count();
            let is_comment = line.trim_start().starts_with("//");
            let is_code = code.chars().count() > COLUMNS_MAX;
            let is_breakable = (is_comment || is_code) && !is_unbreakable(line.trim_start());
            if columns > COLUMNS_MAX && is_breakable {
                let what = format!("{columns} columns; at most {COLUMNS_MAX}");
                findings.push(Finding::new(path, number + 1, what));
            }
        }
    }
    findings
}

fn is_unbreakable(line: &str) -> bool {
    let doc = line.strip_prefix("//!").or(line.strip_prefix("///"));
    let is_row = doc.is_some_and(|doc| doc.trim_start().starts_with('|'));
    is_row || line.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_lines_are_found() {
        let wide = format!("// {}", "x".repeat(98));
        let row = format!("//! | {} |", "x".repeat(98));
        let message = format!("let a = \"{}\";", "x".repeat(98));
        let code = format!("let a = {};", "x".repeat(98));
        let text = format!(
            "//! A file.\n{row}\n{wide}\n{}\n{message}\n{code}\n",
            &wide[..100]
        );
        let found = check(&Tree::of([("src/lib.rs", &text)]));
        let lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [3, 6]);
    }
}
