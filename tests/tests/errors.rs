//! What people get wrong: one clear line each, the documented exit code, no panic.

use std::{fs, net::TcpListener, process::Command};

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

    // An unreadable place to write to is named before anything is fetched.
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
