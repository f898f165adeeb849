//! Private data on a whole network, through the commands that people run and through the unmodified
//! `@mysten/seal`.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::json;
use walrus_tests::{CommandOutcome, TestNetwork, npm::node, random_bytes, run};

/// A network with three key servers.
fn start() -> TestNetwork {
    TestNetwork::start(&["--nodes", "1", "--shards", "4", "--with", "seal"])
}

fn address(network: &TestNetwork, user: usize) -> String {
    let address = &network.ready["accounts"][user]["address"];
    address.as_str().unwrap().to_owned()
}

/// A command in the name of one of the users.
fn as_user(network: &TestNetwork, user: usize, args: &[&str]) -> CommandOutcome {
    let account = format!("user-{user}");
    network.walrus(&[&["--account", &account][..], args].concat())
}

/// The result of a command of the first user that succeeds.
fn ok(network: &TestNetwork, args: &[&str]) -> CommandOutcome {
    let outcome = network.walrus(args);
    assert!(outcome.success, "{args:?}: {}", outcome.stderr);
    outcome
}

fn new_policy(network: &TestNetwork, args: &[&str]) -> String {
    let made = ok(network, &[&["--json", "policy", "new"], args].concat()).json();
    made["policy"].as_str().unwrap().to_owned()
}

/// What a command of a user writes into the file that its last option names.
fn written(network: &TestNetwork, user: usize, args: &[&str]) -> Option<Vec<u8>> {
    let out = network.folder().join("written");
    let _ = fs::remove_file(&out);
    let out_text = out.display().to_string();
    let outcome = as_user(network, user, &[args, &["--out", &out_text]].concat());
    let content = fs::read(out).ok();
    assert_eq!(outcome.success, content.is_some(), "{}", outcome.stderr);
    content
}

fn decrypts(network: &TestNetwork, user: usize, file: &str, expected: &[u8]) {
    let content = written(network, user, &["decrypt", file]);
    assert!(
        content.as_deref() == Some(expected),
        "other bytes came back"
    );
}

fn is_denied(network: &TestNetwork, user: usize, file: &str) {
    let outcome = as_user(network, user, &["decrypt", file]);
    assert!(!outcome.success && outcome.stdout.is_empty());
    let said = &outcome.stderr;
    assert!(said.contains("access denied by the policy"), "{said}");
}

/// A path in the folder of a test, as text.
fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[test]
fn a_seller_publishes_a_buyer_reads_and_nobody_else() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let data = path(folder.path(), "data");
    let content = random_bytes(100_000, 1);
    fs::write(&data, &content).unwrap();

    // The seller offers a dataset and stores it, encrypted under the offer.
    let market = ["market", "--title", "measurements", "--price", "2WAL"];
    let offer = new_policy(&network, &market);
    let store = ["--json", "store", "--encrypt", &data, "--policy", &offer];
    let stored = ok(&network, &[&store[..], &["--epochs", "1"]].concat()).json();
    let result = &stored[0]["blobStoreResult"]["newlyCreated"]["blobObject"]["blobId"];
    let blob_id = result.as_str().unwrap();
    // What the network serves is not the content.
    let served = network.read(blob_id);
    assert!(served.len() > content.len() && !served.ends_with(&content[1..]));

    // Who has not bought cannot read; who buys can.
    let reading = ["read", "--decrypt", blob_id];
    assert!(!as_user(&network, 1, &reading).success);
    assert!(as_user(&network, 1, &["policy", "buy", &offer]).success);
    assert!(written(&network, 1, &reading).as_ref() == Some(&content));
    assert!(!as_user(&network, 2, &reading).success);

    // A new price is what the next one pays, and the first buyer keeps what they have.
    ok(&network, &["policy", "price", &offer, "3WAL"]);
    let shown = ok(&network, &["--json", "policy", "show", &offer]).json();
    assert_eq!(
        (&shown["price"], &shown["buyers"]),
        (&json!(3_000_000_000_u64), &json!(1))
    );
    assert!(written(&network, 1, &reading).as_ref() == Some(&content));
    // Only the seller changes it.
    assert!(!as_user(&network, 1, &["policy", "price", &offer, "1WAL"]).success);

    // A subscription is paid for, reads, and is revoked.
    let period = ["subscription", "--price", "1WAL", "--period", "1h"];
    let service = new_policy(&network, &period);
    let weekly = path(folder.path(), "weekly.seal");
    ok(
        &network,
        &["encrypt", &data, "--policy", &service, "--out", &weekly],
    );
    let without = as_user(&network, 1, &["decrypt", &weekly]);
    assert!(
        without.stderr.contains("has no subscription"),
        "{}",
        without.stderr
    );
    assert!(as_user(&network, 1, &["policy", "buy", &service]).success);
    decrypts(&network, 1, &weekly, &content);
}

#[test]
fn policies_decide_and_revocation_bites_on_what_comes_next() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let plain = path(folder.path(), "plain");
    fs::write(&plain, b"for few").unwrap();
    let (reader, file) = (address(&network, 1), path(folder.path(), "file.seal"));
    let encrypt = |how: &[&str]| {
        ok(
            &network,
            &[&["encrypt", &plain, "--out", &file], how].concat(),
        )
    };

    // For oneself, and for one other account.
    encrypt(&[]);
    decrypts(&network, 0, &file, b"for few");
    is_denied(&network, 1, &file);
    encrypt(&["--for", &reader]);
    decrypts(&network, 1, &file, b"for few");
    is_denied(&network, 0, &file);

    // For whoever is on a list.
    let list = new_policy(&network, &["allowlist"]);
    encrypt(&["--policy", &list, "--dem", "hmac", "--aad", "0xabcd"]);
    is_denied(&network, 1, &file);
    ok(&network, &["policy", "grant", &list, &reader]);
    decrypts(&network, 1, &file, b"for few");
    ok(&network, &["policy", "revoke", &list, &reader]);
    is_denied(&network, 1, &file);
    let inspected = ok(&network, &["--json", "inspect-encrypted", &file]).json();
    assert_eq!(inspected["aad"], "abcd");
    assert_eq!(inspected["threshold"], 2);
    assert!(inspected["id"].as_str().unwrap().starts_with(&list[2..]));

    // The right to manage moves.
    ok(&network, &["policy", "transfer", &list, &reader]);
    assert!(!network.walrus(&["policy", "grant", &list, &reader]).success);
    assert!(as_user(&network, 1, &["policy", "grant", &list, &reader]).success);

    // Two of three key servers are enough, one is not.
    assert!(
        network
            .localnet(&["key-server", "stop", "key-server-0"])
            .success
    );
    decrypts(&network, 1, &file, b"for few");
    assert!(
        network
            .localnet(&["key-server", "stop", "key-server-1", "--kill"])
            .success
    );
    let too_few = as_user(&network, 1, &["decrypt", &file]);
    assert!(
        too_few
            .stderr
            .contains("weight 1 gave the keys, and 2 is needed"),
        "{}",
        too_few.stderr
    );
    assert!(
        network
            .localnet(&["key-server", "start", "key-server-0"])
            .success
    );
    decrypts(&network, 1, &file, b"for few");

    // Weights count, not servers: who has two of three shares is enough alone, who has one is not.
    let server = |index: usize| network.ready["key_servers"][index]["id"].as_str().unwrap();
    let (heavy, light) = (format!("{}:2", server(0)), server(2));
    let weighted = [
        "--key-server",
        &heavy,
        "--key-server",
        light,
        "--threshold",
        "2",
    ];
    encrypt(&[&weighted[..], &["--for", &reader]].concat());
    let switch = |what: &str, name: &str| {
        let outcome = network.localnet(&["key-server", what, name]);
        assert!(outcome.success, "{}", outcome.stderr);
    };
    switch("stop", "key-server-2");
    decrypts(&network, 1, &file, b"for few");
    switch("start", "key-server-2");
    switch("stop", "key-server-0");
    let too_light = as_user(&network, 1, &["decrypt", &file]);
    let said = &too_light.stderr;
    assert!(
        said.contains("weight 1 gave the keys, and 2 is needed"),
        "{said}"
    );
}

#[test]
fn large_files_go_through_envelopes_and_damage_leaves_nothing() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let name = |name| path(folder.path(), name);
    let content = random_bytes((5 << 20) + 17, 2);
    fs::write(name("plain"), &content).unwrap();
    let (envelope, key) = (name("envelope"), name("backup.key"));
    let out = ["--out", &envelope, "--backup-key-file", &key];
    let plain = name("plain");
    let args = [&["encrypt", &plain, "--envelope"][..], &out].concat();
    ok(&network, &args);
    let mode = fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let decrypt = |file: &str, more: &[&str]| {
        let _ = fs::remove_file(name("out"));
        let outcome = network.walrus(&[&["decrypt", file, "--out", &name("out")], more].concat());
        (outcome.success, fs::read(name("out")).ok())
    };
    assert_eq!(decrypt(&envelope, &[]), (true, Some(content.clone())));
    let with_key = ["--backup-key-file", &key[..]];
    assert_eq!(decrypt(&envelope, &with_key), (true, Some(content)));

    // A byte that was changed, and an end that was cut off.
    let good = fs::read(&envelope).unwrap();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    for bad in [&changed[..], &good[..good.len() - (1 << 20)]] {
        fs::write(name("bad"), bad).unwrap();
        assert_eq!(decrypt(&name("bad"), &[]), (false, None));
    }
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 4, "a part of a file was left");
}

#[test]
fn mysten_seal_encrypts_for_us_and_decrypts_what_is_ours() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| path(folder.path(), name);
    let made = ok(&network, &["--json", "policy", "new", "allowlist"]).json();
    let list = made["policy"].as_str().unwrap().to_owned();
    ok(&network, &["policy", "grant", &list, &address(&network, 1)]);
    let policy = json!({ "list": list, "cap": made["cap"] });
    fs::write(name("policy.json"), policy.to_string()).unwrap();
    for (file, dem, size) in [
        ("aes", "aes", 10 << 20),
        ("hmac", "hmac", 1_000),
        ("empty", "aes", 0),
    ] {
        fs::write(name(&format!("plain-{file}")), random_bytes(size, 3)).unwrap();
        let (plain, out) = (
            name(&format!("plain-{file}")),
            name(&format!("ours-{file}.seal")),
        );
        ok(
            &network,
            &[
                "encrypt", &plain, "--policy", &list, "--dem", dem, "--out", &out,
            ],
        );
    }
    let mut script = node("private-data.mjs");
    script.arg(network.ready.to_string()).arg(folder.path());
    let checked = run(&mut script).json();
    let checked = checked["checked"].as_array().unwrap();
    assert_eq!(checked.len(), 13, "{checked:?}");

    // What it has encrypted: both modes, empty and 10 MiB, with additional data and without.
    for (index, size) in [0, 10 << 20, 0, 5_000].into_iter().enumerate() {
        let expected: Vec<u8> = (0..size)
            .map(|index: u32| u8::try_from((index * 31 + 7) % 251).unwrap())
            .collect();
        decrypts(
            &network,
            1,
            &name(&format!("theirs-{index}.seal")),
            &expected,
        );
    }
}

#[test]
fn names_stand_for_accounts_and_nothing_is_guessed() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let (plain, file) = (
        path(folder.path(), "plain"),
        path(folder.path(), "file.seal"),
    );
    fs::write(&plain, b"for one").unwrap();
    // A name of the wallet, and one of the configuration.
    let config = network.ready["client_config"].as_str().unwrap();
    let text = fs::read_to_string(config).unwrap();
    let friend = address(&network, 2);
    let named = text.replacen(
        "encryption:",
        &format!("encryption:\n  recipients: {{ann: '{friend}'}}"),
        1,
    );
    assert_ne!(named, text);
    fs::write(config, named).unwrap();
    for (name, reader) in [("user-1", 1), ("ann", 2), (&friend, 2)] {
        ok(
            &network,
            &["encrypt", &plain, "--for", name, "--out", &file],
        );
        decrypts(&network, reader, &file, b"for one");
        is_denied(&network, 3, &file);
    }
    for (name, hint) in [
        ("nobody", "encryption.recipients"),
        ("ann.sui", "names of SuiNS are not looked up"),
        ("@ann", "names of SuiNS are not looked up"),
    ] {
        let refused = network.walrus(&["encrypt", &plain, "--for", name, "--out", &file]);
        refused.assert_fails(1, &[hint]);
    }
    // They are names in policies, too.
    let list = new_policy(&network, &["allowlist"]);
    ok(&network, &["policy", "grant", &list, "ann", "user-1"]);
    ok(
        &network,
        &["encrypt", &plain, "--policy", &list, "--out", &file],
    );
    decrypts(&network, 2, &file, b"for one");
    is_denied(&network, 3, &file);
}

#[test]
fn files_of_a_quilt_are_encrypted_each_for_itself() {
    let network = start();
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| path(folder.path(), name);
    for file in ["a.txt", "b.txt"] {
        fs::write(name(file), format!("content of {file}")).unwrap();
    }
    let (a, b) = (name("a.txt"), name("b.txt"));
    let store = [
        "--json",
        "store-quilt",
        "--paths",
        &a,
        &b,
        "--epochs",
        "1",
        "--encrypt",
        "--for",
        "user-1",
    ];
    let stored = ok(&network, &store).json();
    let blob = &stored["blobStoreResult"]["newlyCreated"]["blobObject"]["blobId"];
    let quilt = blob.as_str().unwrap();
    // Names are there for everybody, content is not.
    let listed = ok(&network, &["--json", "list-patches-in-quilt", quilt]).json();
    assert_eq!(listed[1]["identifier"], "b.txt");
    let served = network.read(quilt);
    let has = |text: &[u8]| served.windows(text.len()).any(|window| window == text);
    assert!(has(b"a.txt") && !has(b"content of"));
    let read = |user: usize, folder: &str| {
        let args = [
            "read-quilt",
            "--quilt-id",
            quilt,
            "--decrypt",
            "--out",
            folder,
        ];
        as_user(&network, user, &args)
    };
    let outcome = read(1, &name("out"));
    assert!(outcome.success, "{}", outcome.stderr);
    assert_eq!(fs::read(name("out/b.txt")).unwrap(), b"content of b.txt");
    // One file alone, by its patch.
    let patch = listed[0]["patchId"].as_str().unwrap();
    let one = format!("--quilt-patch-id={patch}");
    let args = ["--account", "user-1", "read-quilt", &one, "--decrypt"];
    assert_eq!(ok(&network, &args).stdout, "content of a.txt");
    let denied = read(2, &name("denied"));
    assert!(
        !denied.success && denied.stderr.contains("access denied"),
        "{}",
        denied.stderr
    );
    assert!(!Path::new(&name("denied/a.txt")).exists());
}

#[test]
fn large_files_are_stored_and_read_chunk_by_chunk() {
    // Enough shards for a blob of this size.
    let network = TestNetwork::start(&["--nodes", "1", "--shards", "31", "--with", "seal"]);
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| path(folder.path(), name);
    // More than one batch of chunks, and an end that is no whole chunk.
    let content = random_bytes((10 << 20) + 17, 5);
    fs::write(name("plain"), &content).unwrap();
    let plain = name("plain");
    let store = [
        "--json",
        "store",
        "--encrypt",
        "--envelope",
        &plain,
        "--epochs",
        "1",
    ];
    let stored = ok(&network, &store).json();
    let blob = &stored[0]["blobStoreResult"]["newlyCreated"]["blobObject"]["blobId"];
    let blob_id = blob.as_str().unwrap();
    let out = name("out");
    let read = ["read", "--decrypt", blob_id, "--out", &out];
    assert!(ok(&network, &read).stdout.contains("Success: read blob"));
    assert!(fs::read(&out).unwrap() == content);
    assert!(written(&network, 1, &["read", "--decrypt", blob_id]).is_none());
    // What somebody has cut off, and stored: nothing gets a name.
    let served = network.read(blob_id);
    fs::write(name("cut"), &served[..served.len() - (1 << 20)]).unwrap();
    let cut = network.store(Path::new(&name("cut")));
    assert!(written(&network, 0, &["read", "--decrypt", &cut]).is_none());
    let outcome = network.walrus(&["read", "--decrypt", &cut, "--out", &name("none")]);
    outcome.assert_fails(1, &["chunk 9"]);
    assert!(!Path::new(&name("none.part")).exists());
}
