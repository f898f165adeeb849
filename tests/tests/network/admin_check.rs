//! `walrus-admin proposals check` builds sources and compares them with what is proposed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use walrus_tests::{
    contracts::{pauper, user},
    text,
    voters::Voters,
};

/// The Move packages of this repository.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../move")
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// The changes that a check reports, apart from modules that stay the same.
fn changes(check: &serde_json::Value) -> Vec<(&str, &str)> {
    let modules = check["modules"].as_array().expect("modules");
    let field = |module: &'static str, of: &serde_json::Value| of[module].as_str().map(str::len);
    assert!(
        modules
            .iter()
            .all(|module| field("digest", module) == Some(64))
    );
    modules
        .iter()
        .filter_map(|module| Some((module["name"].as_str()?, module["change"].as_str()?)))
        .filter(|(_, change)| *change != "same")
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voter_builds_the_sources_and_compares() {
    let scene = Voters::new().await;
    let number = scene.propose(&["upgrade", "--package", "walrus_v4"], "Version 4");
    let copied = tempfile::tempdir().expect("a temporary folder");
    for package in ["wal", "walrus"] {
        copy(&sources().join(package), &copied.path().join(package)).expect("sources are there");
    }
    let walrus = copied.path().join("walrus");
    let overlay = walrus.join("upgrades/v4");

    // The very sources of the proposal: its digest comes out.
    let check = scene.json(&["check", &number, "--package", text(&overlay)]);
    assert_eq!(check["matches"], true, "{check}");
    assert_eq!(check["packageDigest"], check["proposedDigest"]);
    assert_eq!(changes(&check), [("release", "changed")]);

    // Those of the version that is published: another digest, and nothing that differs from it.
    let check = ["proposals", "check", &number, "--package"];
    let old = [&check[..], &[text(&walrus), "--json"]].concat();
    let outcome = scene.home.admin(&user(), &old);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("this is not the package"),
        "{}",
        outcome.stderr
    );
    let report = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(changes(&report), []);

    // Somebody has slipped something in.
    let release = overlay.join("sources/release.move");
    let honest = fs::read_to_string(&release).expect("the overlay has this module");
    let forged = format!("{honest}\npublic fun slipped_in(): u64 {{ 7 }}\n");
    fs::write(&release, forged).expect("a writable folder");
    let forged = [&check[..], &[text(&overlay)]].concat();
    let outcome = scene.home.admin(&pauper(), &forged);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("is NOT the one of proposal"),
        "{}",
        outcome.stdout
    );

    // What does not compile says where.
    fs::write(&release, "module walrus::release; fun broken(").expect("a writable folder");
    let outcome = scene.home.admin(&pauper(), &forged);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    let last = outcome.stderr.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("Error: ") && last.contains("could not be built"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("release.move"),
        "{}",
        outcome.stderr
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_to_build_is_named() {
    let scene = Voters::new().await;
    let number = scene.propose(&["upgrade", "--package", "walrus_v4"], "Version 4");
    let walrus = sources().join("walrus");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let nothing = text(folder.path());
    let check = |package: &str, options: &[&str]| {
        let mut command = scene.home.command(&user());
        command
            .args(["proposals", "check", &number, "--package", package])
            .args(options);
        command
    };
    walrus_tests::run(&mut check(text(&walrus), &["--toolchain", nothing]))
        .assert_fails(1, &[nothing, "is no checkout", "scripts/move"]);
    walrus_tests::run(check(text(&walrus), &["--compiler", "sui"]).env("PATH", nothing))
        .assert_fails(1, &["there is no `sui`", "leave --compiler out"]);
    walrus_tests::run(&mut check(nothing, &["--compiler", "sui"]))
        .assert_fails(1, &[nothing, "no Move.toml"]);
    let outcome = walrus_tests::run(&mut check(nothing, &[]));
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("no Move.toml"),
        "{}",
        outcome.stderr
    );
}
