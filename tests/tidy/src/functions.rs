//! Functions can be seen as a whole. A test, which tells a story from top to bottom, may be longer.

use syn::{
    Block, ImplItemFn, ItemFn, ItemImpl, Signature, TraitItemFn, Type,
    visit::{self, Visit},
};

use crate::{Finding, Tree, source};

/// Most lines of a function, from its name to its end.
pub const LINES_MAX: usize = 70;

/// Most lines of a function of tests and benches.
pub const STORY_LINES_MAX: usize = 125;

/// Functions that are too long, as `Type::name` where they belong to a type.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, file) in source::parsed(tree) {
        let mut visitor = Visitor {
            path,
            lines_max: lines_max(path),
            owner: None,
            findings: &mut findings,
        };
        visitor.visit_file(&file);
    }
    findings
}

fn lines_max(path: &str) -> usize {
    let is_test = |part: &str| matches!(part, "tests" | "tests.rs" | "benches");
    if path.split('/').any(is_test) {
        STORY_LINES_MAX
    } else {
        LINES_MAX
    }
}

struct Visitor<'a> {
    path: &'a str,
    lines_max: usize,
    owner: Option<String>,
    findings: &'a mut Vec<Finding>,
}

impl Visitor<'_> {
    fn measure(&mut self, signature: &Signature, block: &Block) {
        let start = source::line(signature.fn_token.span);
        let lines = block.brace_token.span.close().end().line + 1 - start;
        if lines > self.lines_max {
            let name = match &self.owner {
                Some(owner) => format!("{owner}::{}", signature.ident),
                None => signature.ident.to_string(),
            };
            let what = format!("{name} has {lines} lines; at most {}", self.lines_max);
            self.findings.push(Finding::new(self.path, start, what));
        }
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let owner = match &*item.self_ty {
            Type::Path(path) => path.path.segments.last(),
            _ => None,
        };
        let outer = self.owner.take();
        self.owner = owner.map(|segment| segment.ident.to_string());
        visit::visit_item_impl(self, item);
        self.owner = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.measure(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_functions_are_found_by_name() {
        let body = |lines: usize| "    call();\n".repeat(lines);
        let text = format!(
            "fn short() {{\n{}}}\nimpl Thing {{\n  fn long() {{\n{}}}\n}}\n",
            body(LINES_MAX - 2),
            body(LINES_MAX - 1),
        );
        let found = check(&Tree::of([("a.rs", &text), ("tests/a.rs", &text)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, LINES_MAX + 2);
        assert!(found[0].what.starts_with("Thing::long has 71 lines"));
    }
}
