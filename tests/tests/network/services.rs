//! Services in front of a local network: started with it, stopped, killed and started again.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::process::Command;

use serde_json::Value;
use walrus_tests::{TestNetwork, npm::node, run, text, tools::Tool};

const NETWORK: [&str; 6] = [
    "--nodes",
    "4",
    "--shards",
    "10",
    "--with",
    "gateway,relay,s3",
];

fn names_that_run(status: &Value) -> Vec<&str> {
    let services = status["services"].as_array().unwrap();
    let running = services.iter().filter(|service| service["pid"].is_u64());
    running
        .map(|service| service["name"].as_str().unwrap())
        .collect()
}

fn done(network: &TestNetwork, arguments: &[&str]) -> String {
    let outcome = network.localnet(arguments);
    assert!(outcome.success, "{arguments:?}: {}", outcome.stderr);
    outcome.stdout
}

#[test]
fn services_start_with_the_network_and_serve() {
    let mut network = TestNetwork::start(&NETWORK);
    assert_eq!(names_that_run(&network.ready), ["gateway", "relay", "s3"]);
    let gateway = network.service("gateway").to_owned();
    let relay = network.service("relay").to_owned();
    let ready = network.ready.to_string();
    let stored = run(node("gateway.mjs").args([&ready, &gateway])).json();
    let blob_id = stored["blobId"].as_str().unwrap();
    assert_eq!(network.read(blob_id).len(), 40_000);

    // Our own command stores through the relay, one or several files.
    let file = network.random_file(30_000, 1);
    let other = network.random_file(10, 2);
    let through = ["--epochs", "1", "--upload-relay", &relay, "--json"];
    let stored = network
        .walrus(&[&["store", text(&file), text(&other)], &through[..]].concat())
        .json();
    for (index, file) in [&file, &other].into_iter().enumerate() {
        let id = stored[index].pointer("/blobStoreResult/newlyCreated/blobObject/blobId");
        let id = id.and_then(Value::as_str).unwrap();
        assert!(network.read(id) == std::fs::read(file).unwrap());
    }
    let quilt = network
        .walrus(&[&["store-quilt", "--paths", text(&file)], &through[..]].concat())
        .json();
    assert_eq!(quilt["storedQuiltBlobs"].as_array().unwrap().len(), 1);
    let nobody = network.walrus(&[
        "store",
        text(&other),
        "--epochs",
        "1",
        "--upload-relay",
        "http://127.0.0.1:1",
    ]);
    nobody.assert_fails(1, &["relay cannot be reached"]);

    // S3 clients reach the third.
    let s3 = &network.ready["services"][2];
    if let Some(aws) = Tool::Aws.path() {
        for arguments in [
            &["mb", "s3://photos"][..],
            &["cp", text(&file), "s3://photos/cat.jpg"],
        ] {
            let mut aws = Command::new(&aws);
            aws.args(["s3", "--endpoint-url", s3["url"].as_str().unwrap()])
                .args(arguments)
                .env("AWS_DEFAULT_REGION", "us-east-1")
                .env(
                    "AWS_ACCESS_KEY_ID",
                    s3["key"]["access_key_id"].as_str().unwrap(),
                )
                .env(
                    "AWS_SECRET_ACCESS_KEY",
                    s3["key"]["secret_access_key"].as_str().unwrap(),
                );
            let outcome = run(&mut aws);
            assert!(outcome.success, "{}", outcome.stderr);
        }
    }

    // One that is stopped says so, and comes back where it was; so does one that was killed.
    done(&network, &["service", "stop", "relay"]);
    let status: Value = serde_json::from_str(&done(&network, &["status", "--json"])).unwrap();
    assert_eq!(names_that_run(&status), ["gateway", "s3"]);
    let told = done(&network, &["status"]);
    assert!(told.contains("relay") && told.contains("stopped"), "{told}");
    done(&network, &["service", "stop", "gateway", "--kill"]);
    done(&network, &["service", "start", "gateway", "relay"]);
    let status: Value = serde_json::from_str(&done(&network, &["status", "--json"])).unwrap();
    assert_eq!(names_that_run(&status), ["gateway", "relay", "s3"]);
    assert_eq!(
        status["services"][0]["url"].as_str(),
        Some(gateway.as_str())
    );

    // They stop and resume with the network, whether or not it is said again.
    done(&network, &["down"]);
    network.up(&["--nodes", "4", "--shards", "10"]);
    assert_eq!(names_that_run(&network.ready), ["gateway", "relay", "s3"]);
    let again = network
        .walrus(&[&["store", text(&file), "--force"], &through[..]].concat())
        .json();
    assert!(again[0]["blobStoreResult"]["newlyCreated"].is_object());

    // A new network in the same folder has none, and nothing of the old one is left.
    done(&network, &["down"]);
    network.up(&["--nodes", "4", "--shards", "10", "--reset"]);
    assert!(network.ready["services"].is_null());
    assert!(!network.state_dir().join("services").exists());
    network
        .localnet(&["service", "start", "relay"])
        .assert_fails(1, &["no relay", "--with relay"]);
}

#[test]
fn services_and_key_servers_are_killed_and_paused_like_nodes() {
    let network = TestNetwork::start(&[&NETWORK[..4], &["--with", "gateway,s3,seal"]].concat());
    let states = || {
        let listed = network.localnet(&["fault", "list", "--json"]).json();
        let state = |name: &str| listed["processes"][name].as_str().unwrap().to_owned();
        ["gateway", "s3", "key-server-0", "key-server-1", "node-0"].map(state)
    };
    let url = format!("{}/status", network.service("gateway"));
    let serves = || {
        let curl = Tool::Curl.path();
        curl.map(|curl| run(Command::new(curl).args(["-sf", "--max-time", "5", &url])).success)
    };
    assert_ne!(serves(), Some(false));
    done(&network, &["fault", "kill", "gateway", "key-server-0"]);
    done(&network, &["fault", "pause", "s3", "key-server-1"]);
    assert_eq!(
        states(),
        ["stopped", "paused", "stopped", "paused", "running"]
    );
    assert_ne!(serves(), Some(true));
    done(&network, &["fault", "resume", "key-server-1"]);
    assert_eq!(
        states(),
        ["stopped", "paused", "stopped", "running", "running"]
    );
    let stopped = network.localnet(&["fault", "pause", "gateway"]);
    stopped.assert_fails(1, &["gateway is stopped"]);
    let unknown = network.localnet(&["fault", "kill", "relay"]);
    unknown.assert_fails(1, &["there is no relay", "gateway", "key-server-2"]);
    done(&network, &["fault", "heal"]);
    assert_eq!(states(), ["running"; 5]);
    assert_ne!(serves(), Some(false));
}
