//! What people get wrong: one clear line each, the documented exit code, no panic.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use walrus_tests::{TestNetwork, binary, run, text};

#[test]
fn mistakes_of_a_client_get_one_clear_line() {
    let network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    let file = network.random_file(1_000, 1);
    let file = text(&file);

    let missing = network.folder().join("no-such-file");
    network
        .walrus(&["store", text(&missing), "--epochs", "1"])
        .assert_fails(1, &["no-such-file"]);
    network
        .walrus(&["store", file, "--epochs", "100000"])
        .assert_fails(1, &["epochs", "53"]);
    network
        .walrus(&["store", file, "--epochs", "0"])
        .assert_fails(2, &["epochs"]);
    network
        .walrus(&["read", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
        .assert_fails(1, &["does not exist"]);
    network
        .walrus(&["read", "not-a-blob-id"])
        .assert_fails(2, &["blob"]);

    // A place that cannot be written to is named; that nothing was fetched by then, `walrus-cli`
    // tests.
    let blob = network.store(&network.random_file(1_000, 2));
    let nowhere = network.folder().join("no-such-folder").join("file");
    network
        .walrus(&["read", &blob, "--out", text(&nowhere)])
        .assert_fails(1, &["no-such-folder"]);

    let corrupt = network.folder().join("corrupt.yaml");
    fs::write(&corrupt, "system_object: [").unwrap();
    let outcome = run(Command::new(binary("walrus")).args(["--config", text(&corrupt), "info"]));
    outcome.assert_fails(1, &["corrupt.yaml"]);
    let absent = network.folder().join("absent.yaml");
    let outcome = run(Command::new(binary("walrus")).args(["--config", text(&absent), "info"]));
    outcome.assert_fails(1, &["absent.yaml"]);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary("walrus-localnet"));
    command.arg("--state-dir").arg(folder.path().join("state"));
    command.args(["up", "--detach", "--rpc-port", &port, "--faucet-port", "0"]);
    run(&mut command).assert_fails(1, &[&port, "in use"]);
}

#[test]
fn a_network_cannot_be_made_with_too_few_shards() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary("walrus-localnet"));
    command.arg("--state-dir").arg(folder.path().join("state"));
    command.args([
        "up",
        "--detach",
        "--shards",
        "3",
        "--rpc-port",
        "0",
        "--faucet-port",
        "0",
    ]);
    run(&mut command).assert_fails(1, &["shards", "4"]);
}

#[test]
fn a_stopped_network_is_said_to_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary("walrus-localnet"));
    command
        .arg("--state-dir")
        .arg(folder.path().join("state"))
        .arg("status");
    run(&mut command).assert_fails(1, &["no local network", "walrus-localnet up"]);
}

/// Address of the key in [`write_wallet`].
const POOR_ADDRESS: &str = "0x29dfbf688abce7ab43bb8e70cae158ae961196e721440f515482f8ba1684390f";

/// A wallet in the files of the Sui CLI, with the ed25519 key of 32 bytes 0x01.
fn write_wallet(folder: &Path, rpc: &str) -> PathBuf {
    let keystore = folder.join("poor.keystore");
    fs::write(&keystore, format!("[\"AAEB{}\"]", "AQEB".repeat(10))).unwrap();
    let wallet = folder.join("poor.yaml");
    let text = format!(
        "keystore:\n  File: {}\nenvs:\n  - alias: local\n    rpc: \"{rpc}\"\n    ws: null\n    basic_auth: null\n\
         active_env: local\nactive_address: \"{POOR_ADDRESS}\"\n",
        keystore.display()
    );
    fs::write(&wallet, text).unwrap();
    wallet
}

/// Asks the faucet for SUI, as any HTTP client would.
fn request_sui(faucet: &str) {
    let host = faucet.strip_prefix("http://").unwrap();
    let body = format!("{{\"FixedAmountRequest\":{{\"recipient\":\"{POOR_ADDRESS}\"}}}}");
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "POST /v2/gas HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"Success\""), "{answer}");
}

#[test]
fn who_cannot_pay_is_told_what_is_missing() {
    let network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    let wallet = write_wallet(network.folder(), network.ready["rpc"].as_str().unwrap());
    let file = network.random_file(1_000, 1);
    let store = [
        "--wallet",
        text(&wallet),
        "store",
        text(&file),
        "--epochs",
        "1",
    ];

    // Nothing at all: one of the two coins is named.
    let outcome = network.walrus(&store);
    assert!(
        outcome.stderr.contains("SUI") || outcome.stderr.contains("WAL"),
        "{}",
        outcome.stderr
    );
    outcome.assert_fails(1, &["not enough"]);
    // With SUI for gas it is WAL that is missing.
    request_sui(network.ready["faucet"].as_str().unwrap());
    network.walrus(&store).assert_fails(1, &["not enough WAL"]);
}

#[test]
fn a_node_with_a_wrong_key_or_config_says_so_and_does_not_start() {
    let network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    let folder = network.state_dir().join("nodes").join("node-0");
    assert!(network.localnet(&["node", "stop", "node-0"]).success);

    // A valid key that is not the registered one: the node keeps its shards and serves them, and
    // says what to do.
    let key = folder.join("protocol.key");
    let right = fs::read_to_string(&key).unwrap();
    fs::write(&key, "BBlm7tRefoPuaKoVoxVtnUBBDCfy+BGPREM8B6oSkOEj").unwrap();
    let outcome = network.localnet(&["node", "start", "node-0"]);
    assert!(outcome.success, "{}", outcome.stderr);
    let log = fs::read_to_string(network.state_dir().join("logs/node-0.log")).unwrap();
    let warning = log
        .lines()
        .find(|line| line.contains("WARN") && line.contains("key"));
    assert!(warning.is_some(), "{log}");
    assert!(network.localnet(&["node", "stop", "node-0"]).success);
    // Not a key at all.
    fs::write(&key, "garbage").unwrap();
    network
        .localnet(&["node", "start", "node-0"])
        .assert_fails(1, &["protocol.key"]);
    fs::write(&key, right).unwrap();

    let config = folder.join("walrus-node.yaml");
    let right = fs::read_to_string(&config).unwrap();
    fs::write(&config, "name: [").unwrap();
    network
        .localnet(&["node", "start", "node-0"])
        .assert_fails(1, &["walrus-node.yaml"]);
    fs::write(&config, right).unwrap();
    let outcome = network.localnet(&["node", "start", "node-0"]);
    assert!(outcome.success, "{}", outcome.stderr);
}
