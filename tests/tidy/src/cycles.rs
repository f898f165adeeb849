//! Modules that stand side by side do not use each other.
//!
//! A module may use what its parent offers and the other way round; of two children of one parent,
//! with all that is below them, at most one uses the other. What a parent takes from one child and
//! passes on counts as a use of that child. Tests may use whatever they like.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    File, Item, ItemMod, ItemUse, Path, UseTree,
    visit::{self, Visit},
};

use crate::{Finding, Tree, source};

/// A module: the names from the root of its crate.
type Module = Vec<String>;

/// Most steps from one `use` to the next until a name is found.
const STEPS_MAX: usize = 16;

/// Modules that use each other, directly or by way of others.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut crates: BTreeMap<&str, Vec<(&str, Module, File)>> = BTreeMap::new();
    for (path, file) in source::parsed(tree) {
        let Some(folder) = tree.crate_of(path) else {
            continue;
        };
        let inside = path[folder.len()..].strip_prefix("/src/");
        if let Some(module) = inside.and_then(module_of_file) {
            let files = crates.entry(folder).or_default();
            files.push((path, module, file));
        }
    }
    crates.values().flat_map(|files| cycles(files)).collect()
}

/// The module that a file below `src` is; programs are crates of their own.
fn module_of_file(path: &str) -> Option<Module> {
    if path == "main.rs" || path.starts_with("bin/") {
        return None;
    }
    let path = path.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" => Some(Vec::new()),
        path => Some(path.split('/').map(str::to_owned).collect()),
    }
}

fn cycles(files: &[(&str, Module, File)]) -> Vec<Finding> {
    let mut names = Names::default();
    for (_, module, file) in files {
        names.add(module, &file.items);
    }
    let mut uses = Uses::default();
    for (path, module, file) in files {
        if names.is_test(module) {
            continue;
        }
        let mut visitor = Visitor {
            path,
            module: module.clone(),
            names: &names,
            uses: &mut uses,
        };
        visitor.visit_file(file);
    }
    uses.cycles()
}

/// What each module of a crate has.
#[derive(Debug, Default)]
struct Names {
    modules: BTreeSet<Module>,
    tests: BTreeSet<Module>,
    /// Names that a module imports, and what from.
    imports: BTreeMap<(Module, String), Module>,
    /// Modules of which a module imports all names.
    globs: BTreeMap<Module, Vec<Module>>,
    /// Names that a module defines.
    items: BTreeSet<(Module, String)>,
}

impl Names {
    fn add(&mut self, module: &Module, items: &[Item]) {
        self.modules.insert(module.clone());
        for item in items {
            match item {
                Item::Mod(child) => {
                    let mut inner = module.clone();
                    inner.push(child.ident.to_string());
                    if source::is_test_only(&child.attrs) {
                        self.tests.insert(inner);
                    } else if let Some((_, items)) = &child.content {
                        self.add(&inner, items);
                    }
                }
                Item::Use(import) => self.import(module, Vec::new(), &import.tree),
                item => {
                    let name = defined_name(item);
                    self.items
                        .extend(name.map(|name| (module.clone(), name.to_string())));
                }
            }
        }
    }

    fn import(&mut self, module: &Module, mut path: Module, tree: &UseTree) {
        let (name, from) = match tree {
            UseTree::Path(next) => {
                path.push(next.ident.to_string());
                return self.import(module, path, &next.tree);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(module, path.clone(), tree);
                }
                return;
            }
            UseTree::Glob(_) => {
                self.globs.entry(module.clone()).or_default().push(path);
                return;
            }
            UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(rename) => (rename.rename.to_string(), rename.ident.to_string()),
        };
        if from != "self" {
            path.push(from);
        }
        self.imports.insert((module.clone(), name), path);
    }

    fn is_test(&self, module: &Module) -> bool {
        (1..=module.len()).any(|end| self.tests.contains(&module[..end]))
    }

    /// The module that has what a path in some module leads to, if it is one of this crate.
    fn resolve(&self, module: &Module, path: &[String], steps: usize) -> Option<Module> {
        let steps = steps.checked_sub(1)?;
        let mut current = module.clone();
        let mut path = path;
        while let Some((first, rest)) = path.split_first() {
            match first.as_str() {
                "crate" => current.clear(),
                "super" => drop(current.pop()),
                "self" => {}
                name => {
                    let mut child = current.clone();
                    child.push(name.to_owned());
                    if !self.modules.contains(&child) {
                        return self.resolve_name(&current, name, steps);
                    }
                    current = child;
                }
            }
            path = rest;
        }
        Some(current)
    }

    /// The module that has a name which is used in this one.
    fn resolve_name(&self, module: &Module, name: &str, steps: usize) -> Option<Module> {
        let key = (module.clone(), name.to_owned());
        if self.items.contains(&key) {
            return Some(module.clone());
        }
        if let Some(path) = self.imports.get(&key) {
            return self.resolve(module, path, steps);
        }
        let globs = self.globs.get(module).into_iter().flatten();
        let mut sources = globs.filter_map(|path| self.resolve(module, path, steps));
        sources.find_map(|source| self.resolve_name(&source, name, steps.checked_sub(1)?))
    }
}

fn defined_name(item: &Item) -> Option<&syn::Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}

/// Which children of a module use which others, and where they do for the first time: path and
/// line.
type SiblingUses = BTreeMap<(String, String), (String, usize)>;

/// For each parent, the uses among its children.
#[derive(Debug, Default)]
struct Uses(BTreeMap<Module, SiblingUses>);

impl Uses {
    fn add(&mut self, from: &Module, to: &Module, path: &str, line: usize) {
        let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        if let (Some(user), Some(used)) = (from.get(common), to.get(common)) {
            let uses = self.0.entry(from[..common].to_vec()).or_default();
            uses.entry((user.clone(), used.clone()))
                .or_insert((path.to_owned(), line));
        }
    }

    /// The uses that are part of a cycle.
    fn cycles(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (parent, uses) in &self.0 {
            for ((user, used), (path, line)) in uses {
                if reaches(uses, used, user) {
                    let parent = parent.iter().map(|name| format!("{name}::"));
                    let parent: String = parent.collect();
                    let what = format!("{parent}{user} uses {parent}{used}, which uses it as well");
                    findings.push(Finding::new(path, *line, what));
                }
            }
        }
        findings
    }
}

/// Whether there is a way along uses.
fn reaches(uses: &SiblingUses, from: &str, to: &str) -> bool {
    let mut reached = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        let next = uses.keys().filter(|(user, _)| user == module);
        for (_, used) in next {
            if reached.insert(used) {
                open.push(used);
            }
        }
    }
    reached.contains(to)
}

struct Visitor<'a> {
    path: &'a str,
    module: Module,
    names: &'a Names,
    uses: &'a mut Uses,
}

impl Visitor<'_> {
    fn add(&mut self, path: &[String], line: usize) {
        let target = self.names.resolve(&self.module, path, STEPS_MAX);
        if let Some(target) = target
            && !self.names.is_test(&target)
        {
            self.uses.add(&self.module, &target, self.path, line);
        }
    }

    fn add_imports(&mut self, mut path: Module, tree: &UseTree, line: usize) {
        match tree {
            UseTree::Path(next) => {
                path.push(next.ident.to_string());
                self.add_imports(path, &next.tree, line);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_imports(path.clone(), tree, line);
                }
            }
            UseTree::Name(name) if name.ident != "self" => {
                path.push(name.ident.to_string());
                self.add(&path, line);
            }
            UseTree::Rename(rename) => {
                path.push(rename.ident.to_string());
                self.add(&path, line);
            }
            UseTree::Name(_) | UseTree::Glob(_) => self.add(&path, line),
        }
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !source::is_test_only(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let line = source::line(item.use_token.span);
        self.add_imports(Vec::new(), &item.tree, line);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        // Single names were imported or are at hand.
        if names.len() > 1
            && let Some(first) = path.segments.first()
        {
            self.add(&names, source::line(first.ident.span()));
        }
        visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: (&str, &str) = ("c/Cargo.toml", "");

    fn found<const N: usize>(files: [(&str, &str); N]) -> Vec<String> {
        check(&Tree::of(files))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn modules_that_use_each_other_are_found() {
        // `a` uses `b` by way of what the root passes on; `b` uses a part of `a`.
        let found = found([
            MANIFEST,
            ("c/src/lib.rs", "mod a; mod b; mod c;\npub use b::B;"),
            (
                "c/src/a.rs",
                "mod part;\nuse crate::B;\nfn f(_: crate::c::C) {}",
            ),
            ("c/src/a/part.rs", "pub struct P;"),
            ("c/src/b.rs", "\npub struct B(crate::a::part::P);"),
            ("c/src/c.rs", "pub struct C;"),
        ]);
        let expected = [
            "c/src/a.rs:2: a uses b, which uses it as well",
            "c/src/b.rs:2: b uses a, which uses it as well",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn parents_children_and_tests_are_no_cycles() {
        let found = found([
            MANIFEST,
            ("c/src/lib.rs", "mod a; mod b;\npub struct Root(a::A);"),
            (
                "c/src/a.rs",
                "mod part;\nuse crate::Root;\npub struct A(part::P);\n\
                 #[cfg(test)]\nmod tests { use crate::b::B; }",
            ),
            ("c/src/a/part.rs", "use super::A;\npub struct P;"),
            ("c/src/b.rs", "pub struct B(crate::a::A);"),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }
}
