//! One way to write modules, and one way to write imports.

use std::collections::HashSet;

use syn::{Item, ItemMod, ItemUse, UseTree, Visibility, visit::Visit};

use crate::{Finding, Tree, source};

/// Modules in files called `mod.rs`: a module is `name.rs`, and its parts are in `name/`.
///
/// The folders of helpers in `tests/` stay: Cargo takes every file there for a test.
pub fn modules(tree: &Tree) -> Vec<Finding> {
    let files = tree.with_extension("rs").map(|(path, _)| path);
    let found = files.filter(|path| {
        let folder = path.strip_suffix("/mod.rs");
        folder.is_some_and(|folder| {
            let parent = folder.rsplit('/').nth(1);
            parent != Some("tests")
        })
    });
    found
        .map(|path| Finding::new(path, 1, "a module is name.rs beside the folder name/"))
        .collect()
}

/// Imports of one crate that are spread over several statements of one scope.
pub fn imports(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, file) in source::parsed(tree) {
        check_scope(path, &file.items, &mut findings);
        let mut visitor = Visitor {
            path,
            findings: &mut findings,
        };
        visitor.visit_file(&file);
    }
    findings
}

/// Names that say nothing where they are read without their module: others carry its noun.
const BARE_NAMES: [&str; 8] = [
    "State",
    "Outcome",
    "Plan",
    "Place",
    "Findings",
    "Ending",
    "Fate",
    "Surroundings",
];

/// Public types whose names are bare.
pub fn names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, file) in source::parsed(tree) {
        for item in &file.items {
            let (visibility, name) = match item {
                Item::Enum(item) => (&item.vis, &item.ident),
                Item::Struct(item) => (&item.vis, &item.ident),
                Item::Type(item) => (&item.vis, &item.ident),
                _ => continue,
            };
            if matches!(visibility, Visibility::Public(_))
                && BARE_NAMES.iter().any(|bare| name == bare)
            {
                let what = format!("{name} says nothing alone: it carries the noun of its module");
                findings.push(Finding::new(path, source::line(name.span()), what));
            }
        }
    }
    findings
}

struct Visitor<'a> {
    path: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if let Some((_, items)) = &item.content {
            check_scope(self.path, items, self.findings);
        }
        syn::visit::visit_item_mod(self, item);
    }
}

fn check_scope(path: &str, items: &[Item], findings: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    for item in items {
        let Item::Use(import) = item else { continue };
        let Some(root) = root(import) else { continue };
        let reach = match import.vis {
            Visibility::Inherited => "here",
            Visibility::Restricted(_) => "within the crate",
            Visibility::Public(_) => "everywhere",
        };
        if !seen.insert((root.clone(), reach)) {
            let line = source::line(import.use_token.span);
            let what = format!("{root} is imported by another statement, too: one for each crate");
            findings.push(Finding::new(path, line, what));
        }
    }
}

/// What the import starts with. None if it stands alone for a reason: it has a condition, or takes
/// all names of a module.
fn root(import: &ItemUse) -> Option<String> {
    if !import.attrs.is_empty() || import.leading_colon.is_some() {
        return None;
    }
    let UseTree::Path(path) = &import.tree else {
        return None;
    };
    let mut tree = &*path.tree;
    while let UseTree::Path(path) = tree {
        tree = &path.tree;
    }
    let is_glob = matches!(tree, UseTree::Glob(_));
    (!is_glob).then(|| path.ident.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_have_their_own_names() {
        let found = modules(&Tree::of([
            ("src/a/mod.rs", ""),
            ("src/b.rs", ""),
            ("tests/common/mod.rs", ""),
        ]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "src/a/mod.rs");
    }

    #[test]
    fn bare_names_are_found() {
        let found = names(&Tree::of([(
            "a.rs",
            "pub struct Plan;\npub(crate) enum State {}\npub struct StorePlan;\npub type Fate = u8;",
        )]));
        let lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 4]);
    }

    #[test]
    fn imports_are_collected() {
        let found = imports(&Tree::of([(
            "a.rs",
            "use std::fmt;\nuse std::io;\nuse a::*;\nuse a::b;\npub use std::env;\n\
             #[cfg(unix)]\nuse std::os;\nmod inner {\n use std::fmt;\n use std::fs;\n}",
        )]));
        let lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2, 10]);
    }
}
