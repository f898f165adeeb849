//! Documents name what exists.

use crate::{Finding, Tree};

/// Folders at the root: a path in a document that starts with one of them is a path from the root.
const ROOTS: [&str; 6] = ["crates/", "docs/", "fuzz/", "move/", "scripts/", "tests/"];

/// Files, folders and tests that a document names and that do not exist, and links that lead
/// nowhere.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_extension("md") {
        let mut in_block = false;
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                in_block = !in_block;
            }
            if in_block {
                continue;
            }
            let missing_names = code_spans(line).filter(|name| is_missing(tree, path, name));
            let missing_links = links(line).filter(|link| !leads_somewhere(tree, path, link));
            for missing in missing_names.chain(missing_links) {
                let what = format!("{missing} does not exist");
                findings.push(Finding::new(path, number + 1, what));
            }
        }
    }
    findings
}

/// What stands between single backticks.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Where links in parentheses lead, without the part of a page.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let links = line.split("](").skip(1);
    let links = links.filter_map(|rest| rest.split_once(')').map(|(link, _)| link));
    let links = links.filter(|link| !link.contains("://") && !link.starts_with("mailto:"));
    links.filter_map(|link| link.split('#').next().filter(|path| !path.is_empty()))
}

fn leads_somewhere(tree: &Tree, from: &str, link: &str) -> bool {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.is_empty() || tree.exists(&parts.join("/"))
}

/// Whether this is the name of a file, folder or test, and there is none: neither from the root of
/// the tree nor from that of the document's crate.
fn is_missing(tree: &Tree, document: &str, name: &str) -> bool {
    let name = name.trim_start_matches("./");
    if let Some((module, test)) = name.split_once("::")
        && module.ends_with("_tests")
    {
        return !has_move_test(tree, module, test);
    }
    let (path, test) = match name.split_once("::") {
        Some((path, test)) => (path, Some(test)),
        None => (name, None),
    };
    let is_path = ROOTS.iter().any(|root| path.starts_with(root));
    let is_exact = |char: char| char.is_ascii_alphanumeric() || "/._-".contains(char);
    if !is_path || !path.chars().all(is_exact) {
        return false;
    }
    let has_test = |test: &str| {
        tree.text(path)
            .is_some_and(|text| text.contains(&format!("fn {test}(")))
    };
    let is_generated = path
        .split('/')
        .any(|part| part == "build" || part == "node_modules");
    let inside = tree
        .crate_of(document)
        .map(|folder| format!("{folder}/{path}"));
    if inside.is_some_and(|path| tree.exists(&path)) || is_generated {
        return false;
    }
    !(tree.exists(path) && test.is_none_or(has_test))
}

fn has_move_test(tree: &Tree, module: &str, test: &str) -> bool {
    let file = format!("/{module}.move");
    let mut files = tree.with_extension("move");
    files.any(|(path, text)| path.ends_with(&file) && text.contains(&format!("fun {test}(")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_nothing_are_found() {
        let text = "`crates/a/src/lib.rs` `crates/a` `crates/<name>` `crates/b`\n\
                    `crates/a/src/lib.rs::works` `crates/a/src/lib.rs::fails`\n\
                    `x_tests::one` `x_tests::two` `other::two`\n\
                    [a](../crates/a/) [b](c.md#part) [d](#part) [e](https://example.org)\n\
                    ```\n`crates/b`\n```\n";
        let found = check(&Tree::of([
            ("docs/text.md", text),
            ("crates/a/src/lib.rs", "fn works() {}"),
            ("move/x/tests/x_tests.move", "fun one() {}"),
        ]));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        let expected = [
            "docs/text.md:1: crates/b does not exist",
            "docs/text.md:2: crates/a/src/lib.rs::fails does not exist",
            "docs/text.md:3: x_tests::two does not exist",
            "docs/text.md:4: c.md does not exist",
        ];
        assert_eq!(found, expected);
    }
}
