//! The commands of `walrus` beyond store and read, on a whole network.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{fs, process::Stdio};

use serde_json::{Value, json};
use walrus_tests::{Outcome, TestNetwork, text};

fn network() -> TestNetwork {
    TestNetwork::start(&["--nodes", "3", "--shards", "7"])
}

/// Runs a command that must succeed.
fn done(network: &TestNetwork, args: &[&str]) -> Outcome {
    let outcome = network.walrus(args);
    assert!(outcome.success, "{args:?} failed: {}", outcome.stderr);
    outcome
}

fn json_of(network: &TestNetwork, args: &[&str]) -> Value {
    network.walrus(&[args, &["--json"]].concat()).json()
}

/// The text at a place of a JSON value.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("{pointer} is missing in {value}"))
}

#[test]
fn a_quilt_is_stored_and_read_by_name_tag_and_patch() {
    let network = network();
    let file = |name: &str, contents: &str| {
        let path = network.folder().join(name);
        fs::write(&path, contents).unwrap();
        text(&path).to_owned()
    };
    let (one, two) = (file("one", "first"), file("two", "second"));
    let described = json!({"path": one, "identifier": "a/b", "tags": {"kind": "note"}}).to_string();
    let other = json!({"path": two}).to_string();

    let dry = [
        "store-quilt",
        "--blobs",
        &described,
        &other,
        "--epochs",
        "2",
        "--dry-run",
    ];
    let planned = json_of(&network, &dry);
    let planned_id = at(&planned, "/quiltBlobOutput/blobId");
    assert_eq!(
        planned.pointer("/quiltIndex/v1/quiltPatches/0/tags"),
        Some(&json!({"kind": "note"}))
    );
    assert_eq!(json_of(&network, &["ls"]), json!([]));

    let stored = json_of(
        &network,
        &[
            "write-quilt",
            "--blobs",
            &described,
            &other,
            "--epochs",
            "2",
            "--attribute",
            "k=v",
        ],
    );
    let id = at(&stored, "/blobStoreResult/newlyCreated/blobObject/blobId");
    assert_eq!(id, planned_id);
    let patches = stored["storedQuiltBlobs"].as_array().unwrap();
    assert_eq!(patches.len(), 2);
    assert_eq!(patches[0]["identifier"], "a/b");
    let object = at(&stored, "/blobStoreResult/newlyCreated/blobObject/id");
    let attributes = json_of(&network, &["get-blob-attribute", object]);
    assert_eq!(
        attributes.pointer("/attribute/metadata/contents"),
        Some(&json!([{"key": "k", "value": "v"}, {"key": "_walrusBlobType", "value": "quilt"}]))
    );

    let read = |args: &[&str]| done(&network, &[&["read-quilt"], args].concat()).stdout;
    assert_eq!(read(&["--quilt-id", id, "--identifier", "two"]), "second");
    assert_eq!(read(&["--quilt-id", id, "--tag", "kind", "note"]), "first");
    let patch = format!("--quilt-patch-id={}", at(&patches[0], "/quiltPatchId"));
    assert_eq!(read(&[&patch]), "first");

    // Files of one name cannot be told apart.
    let folder = network.folder().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("two"), "third").unwrap();
    network
        .walrus(&[
            "store-quilt",
            "--paths",
            &two,
            text(&folder),
            "--epochs",
            "2",
        ])
        .assert_fails(1, &["two files are called `two`"]);
}

#[test]
fn a_folder_becomes_quilts_where_that_is_cheaper_and_says_so() {
    let network = network();
    let folder = network.folder().join("site");
    fs::create_dir_all(folder.join("img")).unwrap();
    for name in ["index.html", "img/a.png", "img/b.png"] {
        fs::write(folder.join(name), name).unwrap();
    }
    let folder = text(&folder);
    let told = done(&network, &["store", folder, "--epochs", "1", "--dry-run"]).stdout;
    assert!(told.contains("Quilt: 3 files together for"), "{told}");
    assert!(told.contains("instead of"), "{told}");

    let stored = json_of(&network, &["store", folder, "--epochs", "1"]);
    assert_eq!(stored.as_array().unwrap().len(), 1);
    let names: Vec<&str> = stored[0]["storedQuiltBlobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|patch| at(patch, "/identifier"))
        .collect();
    assert_eq!(names, ["img/a.png", "img/b.png", "index.html"]);
    let id = at(
        &stored[0],
        "/blobStoreResult/newlyCreated/blobObject/blobId",
    );
    let read = ["read-quilt", "--quilt-id", id, "--identifier", "img/b.png"];
    assert_eq!(done(&network, &read).stdout, "img/b.png");

    // One by one if that is wanted.
    let apart = json_of(&network, &["store", folder, "--epochs", "1", "--no-quilts"]);
    assert_eq!(apart.as_array().unwrap().len(), 3);
    let pattern = format!("{folder}/img/*.png");
    let matched = json_of(&network, &["store", &pattern, "--epochs", "1"]);
    assert_eq!(matched.as_array().unwrap().len(), 2);

    // What comes from a pipe is a blob like any other.
    let mut command = network.walrus_command();
    command.args(["store", "-", "--epochs", "1", "--json"]);
    command.stdin(Stdio::from(
        fs::File::open(format!("{folder}/index.html")).unwrap(),
    ));
    let piped = walrus_tests::run(&mut command).json();
    assert_eq!(at(&piped[0], "/path"), "-");
    let id = at(&piped[0], "/blobStoreResult/alreadyCertified/blobId");
    assert_eq!(network.read(id), b"index.html");
}

#[test]
fn attributes_are_set_shown_searched_and_removed() {
    let network = network();
    let store = |seed: u64, labels: &[&str]| {
        let file = network.random_file(1_000, seed);
        let fixed = ["store", text(&file), "--epochs", "3"];
        let stored = json_of(&network, &[&fixed, labels].concat());
        at(&stored[0], "/blobStoreResult/newlyCreated/blobObject/id").to_owned()
    };
    let log = store(
        1,
        &[
            "--attribute",
            "project=atlas",
            "--attribute",
            "name=today.log",
        ],
    );
    let image = store(
        2,
        &[
            "--content-type",
            "image/png",
            "--attribute",
            "project=atlas",
        ],
    );
    let plain = store(3, &[]);

    let found = |args: &[&str]| {
        let mut found: Vec<String> = done(&network, &[&["find"], args].concat())
            .stdout
            .lines()
            .map(str::to_owned)
            .collect();
        found.sort();
        found
    };
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(
        found(&["--attribute", "project=atlas"]),
        sorted(vec![log.clone(), image.clone()])
    );
    assert_eq!(found(&["--attribute", "name=*.log"]), [log.as_str()]);
    assert_eq!(found(&["--expires-within", "1"]), Vec::<String>::new());
    assert_eq!(found(&["--min-size", "1KiB"]), Vec::<String>::new());
    assert_eq!(found(&[]).len(), 3);
    let listed = json_of(&network, &["ls", "--attribute", "content-type"]);
    assert_eq!(listed[0]["id"], image.as_str());
    assert_eq!(
        listed[0]["attributes"],
        json!({"content-type": "image/png", "project": "atlas"})
    );
    let usage = json_of(&network, &["du", "--by", "project"]);
    assert_eq!(usage[0]["value"], "atlas");
    assert_eq!(
        (&usage[0]["blobs"], &usage[0]["size"]),
        (&json!(2), &json!(2_000))
    );
    assert_eq!(usage[1]["value"], Value::Null);

    // Set, change, remove some, remove all.
    let attributes = |object: &str| json_of(&network, &["get-blob-attribute", object]);
    assert_eq!(attributes(&plain), json!({"attribute": null}));
    let set = [
        "set-blob-attribute",
        &plain,
        "--attr",
        "a",
        "1",
        "--attr",
        "b",
        "2",
    ];
    let told = done(&network, &set).stdout;
    assert!(told.contains("Success: set 2 attributes"), "{told}");
    done(
        &network,
        &["set-blob-attribute", &plain, "--attr", "a", "3"],
    );
    network
        .walrus(&["remove-blob-attribute-fields", &plain, "--keys", "a", "c"])
        .assert_fails(1, &["no attribute `c`", "nothing was removed"]);
    done(
        &network,
        &["remove-blob-attribute-fields", &plain, "--keys", "b"],
    );
    assert_eq!(
        attributes(&plain),
        json!({"attribute": {"metadata": {"contents": [{"key": "a", "value": "3"}]}}})
    );
    done(&network, &["remove-blob-attribute", &plain]);
    assert_eq!(attributes(&plain), json!({"attribute": null}));
    network
        .walrus(&["remove-blob-attribute", &plain])
        .assert_fails(1, &["has no attributes"]);

    // What is stored again is labelled, too.
    let file = network.random_file(1_000, 3);
    let again = [
        "store",
        text(&file),
        "--epochs",
        "3",
        "--attribute",
        "late=yes",
    ];
    json_of(&network, &again);
    assert_eq!(found(&["--attribute", "late=yes"]), [plain]);
}
