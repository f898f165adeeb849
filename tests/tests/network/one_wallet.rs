//! Several processes that use one wallet and one configuration at the same time.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    collections::BTreeSet,
    fs,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use walrus_tests::{CommandOutcome, TestNetwork, binary, random_bytes, text};

/// Processes at the same time.
const PROCESSES: u64 = 6;
/// Size of their blobs.
const BLOB_BYTES: usize = 20_000;

fn begin(command: &mut Command) -> Child {
    command
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs commands beside each other, to their ends.
fn together(commands: impl IntoIterator<Item = Command>) -> Vec<CommandOutcome> {
    let children: Vec<_> = commands.into_iter().map(|mut it| begin(&mut it)).collect();
    let ended = children.into_iter().map(Child::wait_with_output);
    ended.map(|output| output.unwrap().into()).collect()
}

fn store(network: &TestNetwork, seed: u64, options: &[&str]) -> Command {
    let mut command = network.walrus_command();
    command
        .args(["store", text(&network.random_file(BLOB_BYTES, seed))])
        .args(["--epochs", "2", "--json"])
        .args(options);
    command
}

fn newly_created(outcome: &CommandOutcome) -> Value {
    let stored = outcome.json()[0]
        .pointer("/blobStoreResult/newlyCreated")
        .cloned();
    stored.unwrap_or_else(|| panic!("not newly created: {}", outcome.stdout))
}

fn id_in(stored: &Value, pointer: &str) -> String {
    let id = stored.pointer(pointer).and_then(Value::as_str);
    id.unwrap_or_else(|| panic!("{pointer} is missing in {stored}"))
        .to_owned()
}

/// What the wallet has, in FROST.
fn frost(network: &TestNetwork) -> u64 {
    let owner = network.ready["accounts"][0]["address"].as_str().unwrap();
    let owner = owner.parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let balance = runtime.block_on(async { network.reader().wal_balance(owner).await });
    balance.unwrap().0
}

#[test]
fn every_process_stores_its_blob_and_each_is_paid_for_once() {
    let network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    let before = frost(&network);
    let outcomes = together((0..PROCESSES).map(|seed| store(&network, seed, &[])));
    let stored: Vec<_> = outcomes.iter().map(newly_created).collect();
    let costs = stored.iter().map(|stored| stored["cost"].as_u64().unwrap());
    assert_eq!(before - frost(&network), costs.sum::<u64>());
    let objects: BTreeSet<_> = stored
        .iter()
        .map(|stored| id_in(stored, "/blobObject/id"))
        .collect();
    assert_eq!(objects.len(), stored.len());
    for (seed, stored) in (0..).zip(&stored) {
        let blob = id_in(stored, "/blobObject/blobId");
        assert!(network.read(&blob) == random_bytes(BLOB_BYTES, seed));
    }
}

#[test]
fn storage_that_two_processes_want_is_used_once() {
    let network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    // Deleting a blob leaves its storage to the wallet, enough for one of the blobs.
    let outcome = together([store(&network, 100, &["--deletable"])]);
    let object = id_in(&newly_created(&outcome[0]), "/blobObject/id");
    let deleted = network.walrus(&["delete", "--object-ids", &object, "--yes"]);
    assert!(deleted.success, "{}", deleted.stderr);

    let outcomes = together((0..3).map(|seed| store(&network, seed, &[])));
    let stored: Vec<_> = outcomes.iter().map(newly_created).collect();
    for (seed, stored) in (0..).zip(&stored) {
        let blob = id_in(stored, "/blobObject/blobId");
        assert!(network.read(&blob) == random_bytes(BLOB_BYTES, seed));
    }
    let listed = network.walrus(&["ls", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), stored.len(), "{listed}");
}

#[test]
fn one_blob_stored_by_two_processes_is_available_to_both() {
    let network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    let outcomes = together((0..2).map(|_| store(&network, 7, &[])));
    for outcome in &outcomes {
        let result = &outcome.json()[0]["blobStoreResult"];
        let is_available =
            result.get("newlyCreated").is_some() || result.get("alreadyCertified").is_some();
        assert!(is_available, "{result}");
    }
    let ids: BTreeSet<_> = outcomes
        .iter()
        .map(|outcome| {
            let result = &outcome.json()[0]["blobStoreResult"];
            let created = result.pointer("/newlyCreated/blobObject/blobId");
            let id = created.or_else(|| result.pointer("/alreadyCertified/blobId"));
            id.and_then(Value::as_str).unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 1);
    let blob = ids.first().unwrap();
    assert!(network.read(blob) == random_bytes(BLOB_BYTES, 7));
}

#[test]
fn of_processes_that_make_one_wallet_one_succeeds_and_its_key_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.yaml");
    let generate = || {
        let mut command = Command::new(binary("walrus"));
        command.env("HOME", folder.path()).args([
            "generate-sui-wallet",
            "--path",
            text(&path),
            "--json",
        ]);
        command
    };
    let outcomes = together((0..PROCESSES).map(|_| generate()));
    let (made, refused): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.success);
    assert_eq!(made.len(), 1);
    for outcome in refused {
        outcome.assert_fails(1, &["exists"]);
    }
    let address = id_in(&made[0].json(), "/walletAddress");
    let wallet = walrus_sui::Wallet::load(&path).unwrap();
    assert_eq!(wallet.active_address().unwrap().to_string(), address);
    assert_eq!(
        wallet.active_signer().unwrap().address().to_string(),
        address
    );
    let left: BTreeSet<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("tmp") || name.contains("temporary"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
