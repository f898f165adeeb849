//! One word for one thing: words that the glossary has replaced do not come back.

use crate::{Finding, Tree};

/// Where the words are listed, in the table under [`HEADING`].
pub const GLOSSARY: &str = "docs/glossary.md";

/// The section of the glossary with the table of words: the one not to use, and the one to use.
pub const HEADING: &str = "## Words that are not used";

/// Words that the glossary has replaced, in code, comments and documents.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let words = replaced(tree.text(GLOSSARY).unwrap_or_default());
    if words.is_empty() {
        let what = format!("there is no table of words under \"{HEADING}\"");
        return vec![Finding::new(GLOSSARY, 1, what)];
    }
    let mut findings = Vec::new();
    let files = ["rs", "md", "move"].map(|extension| tree.with_extension(extension));
    for (path, text) in files.into_iter().flatten() {
        if path == GLOSSARY {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for (old, new) in &words {
                if has_word(line, old) {
                    let what = format!("{old}: the word is {new}");
                    findings.push(Finding::new(path, number + 1, what));
                }
            }
        }
    }
    findings
}

/// The rows of the table: each word of the first column, with what the second one says.
fn replaced(glossary: &str) -> Vec<(&str, &str)> {
    let section = glossary.split_once(HEADING).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.filter_map(|row| {
        let mut cells = row.split('|').skip(1).map(str::trim);
        Some((cells.next()?, cells.next()?))
    })
    .flat_map(|(old, new)| old.split(", ").map(move |old| (old.trim_matches('`'), new)))
    .collect()
}

/// Whether a line has this word, in whatever case; an identifier in code has to be the same.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |char: char| char.is_alphanumeric() || char == '_';
    let (line, word) = if word.chars().any(char::is_uppercase) {
        (line.to_owned(), word.to_owned())
    } else {
        (line.to_lowercase(), word.to_owned())
    };
    line.match_indices(&word).any(|(at, _)| {
        !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_words_are_found() {
        let glossary = "# Glossary\n\n## Words that are not used\n\n| Not | but |\n|---|---|\n\
                        | `Old`, former term | new |\n\n## More\n\n| fine | fine |\n";
        let found = check(&Tree::of([
            (GLOSSARY, glossary),
            (
                "a.rs",
                "// Older\n// A Former Term, old\nstruct Old;\nstruct fine;",
            ),
        ]));
        let lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2, 3]);
        assert_eq!(check(&Tree::of([("a.rs", "")])).len(), 1);
    }
}
