//! The tree keeps its rules.
//!
//! What a rule still has to tolerate is listed with it. The lists only get shorter: whoever mends
//! the last place that needs an exception takes it out; the output of the test names those that
//! nothing needs.

use std::{path::Path, sync::OnceLock};

use walrus_tidy::{
    Finding, Tree, cycles, dependencies, docs, functions, public_items, style, width, words,
};

fn tree() -> &'static Tree {
    static TREE: OnceLock<Tree> = OnceLock::new();
    TREE.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Tree::read(&root).expect("the tree can be read")
    })
}

/// Fails with all findings that are not excepted.
///
/// An exception is the start of a path, or the name of what was found.
fn assert_none(findings: &[Finding], exceptions: &[&str]) {
    let excepts = |exception: &str, finding: &Finding| {
        let name = finding.what.split(' ').next();
        finding.path.starts_with(exception) || name == Some(exception)
    };
    for exception in exceptions {
        let is_needed = findings.iter().any(|finding| excepts(exception, finding));
        assert!(
            is_needed,
            "nothing needs the exception {exception} any more: take it out"
        );
    }
    let is_excepted = |finding: &Finding| exceptions.iter().any(|name| excepts(name, finding));
    let left = findings.iter().filter(|finding| !is_excepted(finding));
    let left: Vec<String> = left.map(ToString::to_string).collect();
    assert!(
        left.is_empty(),
        "{} findings:\n{}",
        left.len(),
        left.join("\n")
    );
}

#[test]
fn lines_are_not_too_wide() {
    assert_none(&width::check(tree()), &[]);
}

/// At most fifteen.
#[test]
fn functions_are_not_too_long() {
    let exceptions = [
        // One arm for each instruction of the Move bytecode.
        "read_instruction",
        "write_instruction",
        "CompiledModule::stack_effect",
        "Interpreter::step",
        "Bounds::instruction",
        "Run::step",
        "Types::step",
        // A line or four for each metric.
        "Metrics::default",
    ];
    assert!(exceptions.len() <= 15);
    assert_none(&functions::check(tree()), &exceptions);
}

#[test]
fn public_items_are_used() {
    assert_none(&public_items::check(tree()), &[]);
}

#[test]
fn dependencies_are_used() {
    let exceptions = [
        // A manifest that only pins the sources of the Move framework.
        "move/toolchain/framework/",
        // Its library is called `md5`.
        "md-5",
    ];
    assert_none(&dependencies::check(tree()), &exceptions);
}

#[test]
fn modules_do_not_use_each_other() {
    let exceptions = [
        // The parts of the store share what it is; being divided.
        "crates/walrus-s3/",
    ];
    assert_none(&cycles::check(tree()), &exceptions);
}

#[test]
fn modules_are_written_one_way() {
    assert_none(&style::modules(tree()), &[]);
}

#[test]
fn imports_are_written_one_way() {
    assert_none(&style::imports(tree()), &[]);
}

#[test]
fn public_types_carry_a_noun() {
    assert_none(&style::names(tree()), &[]);
}

#[test]
fn documents_name_what_exists() {
    assert_none(&docs::check(tree()), &[]);
}

#[test]
fn words_of_the_glossary_are_used() {
    assert_none(&words::check(tree()), &[]);
}
