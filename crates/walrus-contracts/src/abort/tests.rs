use std::collections::HashSet;

use super::{walrus::*, *};
use crate::move_source;

/// Every error constant of every source file, found by another reader than the build script's.
#[test]
fn every_constant_of_the_sources_is_known() {
    let mut declared = 0;
    for file in move_source::files() {
        for constant in move_source::error_constants(&file) {
            let found = describe_in(&file.package, &file.module, constant.code);
            let found = found.unwrap_or_else(|| {
                panic!(
                    "{}::{}::{} is unknown",
                    file.package, file.module, constant.name
                )
            });
            assert_eq!(found.name, constant.name);
            declared += 1;
        }
    }
    assert_eq!(declared, ours().count());
    assert!(declared > 100, "the sources were not found: {declared}");
}

#[test]
fn sentences_are_sentences() {
    for entry in all() {
        let texts = [Some(entry.sentence), entry.hint()];
        for text in texts.into_iter().flatten() {
            assert!(
                text.starts_with(char::is_uppercase) && text.ends_with('.') && text.contains(' '),
                "{entry:?}: {text:?}"
            );
            assert!(!text.contains("  "), "{entry:?}: {text:?}");
        }
    }
}

#[test]
fn a_module_name_and_a_code_mean_one_thing() {
    let mut seen = HashSet::new();
    for entry in ours() {
        assert!(seen.insert((entry.module, entry.code)), "{entry}");
    }
    let mut seen = HashSet::new();
    for entry in all() {
        assert!(
            seen.insert((entry.package, entry.module, entry.code)),
            "{entry}"
        );
    }
}

#[test]
fn hints_are_about_constants_that_exist() {
    let mut seen = HashSet::new();
    for subject in hints::subjects() {
        let path =
            |entry: &AbortCode| format!("{}::{}::{}", entry.package, entry.module, entry.name);
        assert!(all().any(|entry| path(entry) == subject), "{subject}");
        assert!(seen.insert(subject), "two hints for {subject}");
    }
}

/// Voters and operators call this package themselves: whatever it refuses, they are told what to
/// do.
#[test]
fn every_refusal_of_the_governance_has_a_hint() {
    let refusals = ours().filter(|entry| entry.package == "walrus_governance");
    let missing: Vec<String> = refusals
        .filter(|entry| entry.hint().is_none())
        .map(|entry| format!("{}::{}", entry.module, entry.name))
        .collect();
    assert!(missing.is_empty(), "no hint for {missing:?}");
}

#[test]
fn codes_become_typed_errors_and_back() {
    for error in ContractError::all() {
        let entry = error.describe();
        assert_eq!(ContractError::of(entry), Some(error));
        assert_eq!(error.to_string(), entry.sentence);
    }
    assert_eq!(BlobError::from_code(5), Some(BlobError::AlreadyCertified));
    assert_eq!(BlobError::from_code(4), None);
    assert_eq!(BlobError::NotCertified.describe().code, 0);
}

#[test]
fn codes_of_the_framework_are_sentences() {
    let sentence = |package, module, code| describe_in(package, module, code).unwrap().sentence;
    // Our words, where calls of our contracts end there.
    assert!(sentence("sui", "balance", 2).starts_with("The coin or fund holds less"));
    // The framework's, everywhere else.
    let packages = [
        ("sui", "kiosk", 8, "Attempt to take an item that is locked."),
        (
            "sui",
            "vec_map",
            4,
            "Trying to pop from a map that is empty.",
        ),
        (
            "sui",
            "hex",
            0,
            "The framework refuses this: invalid hex length.",
        ),
        (
            "std",
            "ascii",
            0x10000,
            "An invalid ASCII character was encountered when creating an ASCII string.",
        ),
    ];
    for (package, module, code, expected) in packages {
        assert_eq!(sentence(package, module, code), expected);
    }
    // What the embedded chain says where it lacks a native function.
    assert!(sentence("sui", "poseidon", 1_312_904_265).contains("native function"));
    assert_eq!(describe_in("walrus", "blob", 1_312_904_265), None);
}

#[test]
fn foreign_codes_are_unknown() {
    assert_eq!(describe("balance", 2), None);
    assert_eq!(describe("blob", 999), None);
    assert_eq!(describe_in("sui", "blob", 5), None);
    assert_eq!(describe_in("walrus", "balance", 2), None);
    assert_eq!(
        ContractError::of(describe_in("sui", "balance", 2).unwrap()),
        None
    );
}
