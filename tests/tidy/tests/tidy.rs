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
        if !findings.iter().any(|finding| excepts(exception, finding)) {
            println!("nothing needs the exception {exception} any more: take it out");
        }
    }
    let is_excepted = |finding: &&Finding| {
        let mut exceptions = exceptions.iter();
        exceptions.any(|exception| excepts(exception, finding))
    };
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
    let exceptions = [
        "crates/ambient/",
        "crates/walrus-admin/",
        "crates/walrus-cli/",
        "crates/walrus-client/",
        "crates/walrus-gateway/",
        "crates/walrus-http/",
        "crates/walrus-node/",
        "crates/walrus-seal/",
        "crates/walrus-sui/",
        "crates/walrus-terminal/",
    ];
    assert_none(&width::check(tree()), &exceptions);
}

/// At most fifteen: the matches over all instructions of the Move bytecode, and a few that shall be
/// divided.
#[test]
fn functions_are_not_too_long() {
    let exceptions = [
        // One arm for each instruction.
        "read_instruction",
        "write_instruction",
        "CompiledModule::stack_effect",
        "Interpreter::step",
        "Bounds::instruction",
        "Run::step",
        "Types::step",
        // One `if` for each limit.
        "crates/move-vm/src/verifier/limits.rs",
        // To be divided.
        "approve",
        "with_stake",
        "crates/walrus-admin/src/commands/stake.rs",
        "crates/walrus-node/src/bookkeeping/apply.rs",
        "StorageNode::start_with_chain",
        "Service::sync_shard",
    ];
    assert!(exceptions.len() <= 15);
    assert_none(&functions::check(tree()), &exceptions);
}

#[test]
fn public_items_are_used() {
    let exceptions = [
        // Crates that are being built: what uses them comes next.
        "crates/walrus-client/src/read/part.rs",
        "crates/walrus-contracts/src/event_blob/",
        "crates/walrus-gateway/",
        "crates/walrus-http/",
        "crates/walrus-seal/",
        "crates/walrus-sui/src/contract/",
        "crates/walrus-sui/src/reader/attributes.rs",
    ];
    assert_none(&public_items::check(tree()), &exceptions);
}

#[test]
fn dependencies_are_used() {
    // A manifest that only pins the sources of the Move framework.
    let exceptions = ["move/toolchain/framework/"];
    assert_none(&dependencies::check(tree()), &exceptions);
}

#[test]
fn modules_do_not_use_each_other() {
    let exceptions = [
        "crates/move-vm/",
        "crates/sui-localnet/",
        "crates/walrus-admin/",
        "crates/walrus-client/",
        "crates/walrus-core/",
        "crates/walrus-deploy/",
        "crates/walrus-gateway/",
        "crates/walrus-node/",
        "crates/walrus-sui/",
        "tests/src/",
    ];
    assert_none(&cycles::check(tree()), &exceptions);
}

#[test]
fn modules_are_written_one_way() {
    assert_none(&style::modules(tree()), &[]);
}

#[test]
fn imports_are_written_one_way() {
    let exceptions = [
        "crates/walrus-client/",
        "crates/walrus-gateway/",
        "crates/walrus-http/",
        "crates/walrus-node/",
        "crates/walrus-sui/",
    ];
    assert_none(&style::imports(tree()), &exceptions);
}

#[test]
fn documents_name_what_exists() {
    assert_none(&docs::check(tree()), &[]);
}

#[test]
fn words_of_the_glossary_are_used() {
    assert_none(&words::check(tree()), &[]);
}
