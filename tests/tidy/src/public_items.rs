//! Whatever is public has a user. (The compiler sees to it for what is not.)

use std::collections::HashMap;

use syn::{
    ImplItem, Item, ItemImpl, UseTree, Visibility,
    visit::{self, Visit},
};

use crate::{Finding, Tree, source};

/// Public items whose name occurs nowhere in code but where it is defined.
///
/// This looks at names only: an item with the name of another one that is used is not found.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut occurrences: HashMap<String, isize> = HashMap::new();
    for (_, text) in tree.with_extension("rs") {
        let code = source::code_only(text);
        for word in code.split(|char: char| !char.is_alphanumeric() && char != '_') {
            *occurrences.entry(word.to_owned()).or_default() += 1;
        }
    }
    let mut visitor = Visitor::default();
    for (path, file) in source::parsed(tree) {
        path.clone_into(&mut visitor.path);
        visitor.visit_file(&file);
    }
    // An import uses nothing yet.
    for name in visitor.imported {
        *occurrences.entry(name).or_default() -= 1;
    }
    let unused = |finding: &Finding| {
        occurrences
            .get(&finding.what)
            .is_none_or(|count| *count <= 1)
    };
    let mut findings = visitor.public;
    findings.retain(unused);
    for finding in &mut findings {
        finding.what += " is public and used nowhere";
    }
    findings
}

#[derive(Default)]
struct Visitor {
    path: String,
    /// Public items by their names.
    public: Vec<Finding>,
    imported: Vec<String>,
}

impl Visitor {
    fn add(&mut self, visibility: &Visibility, name: &syn::Ident) {
        if matches!(visibility, Visibility::Public(_)) {
            let line = source::line(name.span());
            self.public
                .push(Finding::new(&self.path, line, name.to_string()));
        }
    }

    fn import(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.import(&path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree)),
            UseTree::Name(name) => self.imported.push(name.ident.to_string()),
            UseTree::Rename(_) | UseTree::Glob(_) => {}
        }
    }
}

impl<'ast> Visit<'ast> for Visitor {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Const(item) => self.add(&item.vis, &item.ident),
            Item::Enum(item) => self.add(&item.vis, &item.ident),
            Item::Fn(item) => self.add(&item.vis, &item.sig.ident),
            Item::Static(item) => self.add(&item.vis, &item.ident),
            Item::Struct(item) => self.add(&item.vis, &item.ident),
            Item::Trait(item) => self.add(&item.vis, &item.ident),
            Item::Type(item) => self.add(&item.vis, &item.ident),
            Item::Use(item) => self.import(&item.tree),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        for item in &item.items {
            match item {
                ImplItem::Const(item) => self.add(&item.vis, &item.ident),
                ImplItem::Fn(item) => self.add(&item.vis, &item.sig.ident),
                _ => {}
            }
        }
        visit::visit_item_impl(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_without_users_are_found() {
        let found = check(&Tree::of([
            (
                "a.rs",
                "pub fn used() {}\npub fn unused() {}\npub struct S;\nfn own() {}",
            ),
            (
                "b.rs",
                "pub use a::{S, unused};\nfn f(_: S) { used() } // unused()",
            ),
        ]));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["a.rs:2: unused is public and used nowhere"]);
    }
}
