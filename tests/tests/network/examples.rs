//! The folder `examples`, run as it stands.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{fs, path::Path, process::Command};

use walrus_tests::{alone, binary, run, tour};

#[test]
fn a_dataset_is_sold() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sell-a-dataset/sell.sh");
    let script = script.canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (home, work) = (folder.path().join("home"), folder.path().join("work"));
    fs::create_dir(&home).unwrap();
    fs::create_dir(&work).unwrap();
    let binaries = binary("walrus-localnet").parent().unwrap().to_owned();
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.arg(script).current_dir(work).env("PATH", path);
    alone(&mut command, &home);
    let outcome = run(&mut command);
    let (stdout, stderr) = (&outcome.stdout, &outcome.stderr);
    assert!(
        outcome.success && stdout.contains("== done"),
        "{stdout}\n{stderr}"
    );
}

#[test]
fn every_policy_has_an_example() {
    tour::follow("examples/policies/README.md");
}
