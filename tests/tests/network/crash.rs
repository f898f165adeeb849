//! Processes killed at random moments: nothing that was certified is lost, nothing needs manual
//! steps.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _};
use walrus_tests::{TestNetwork, random_bytes, text};

/// How many times something is killed.
const ROUNDS: u64 = 20;
/// Fixed seed of the moments and victims.
const SEED: u64 = 0x5eed;
/// A store takes about this long; the moment of the kill is spread over it.
const STORE_DURATION: Duration = Duration::from_millis(1_500);
/// Size of the files: large enough that a kill meets every phase of a store.
const FILE_BYTES: usize = 300_000;

fn start_store(network: &TestNetwork, seed: u64) -> Child {
    let file = network.random_file(FILE_BYTES, seed);
    let mut command: Command = network.walrus_command();
    command.args(["store", text(&file), "--epochs", "1", "--json"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn kill_and_restart(network: &TestNetwork, victim: &str) {
    if victim == "chain" {
        assert!(network.localnet(&["chain", "stop", "--kill"]).success);
        // The nodes and the client must find the chain again by themselves.
        let outcome = network.localnet(&["chain", "start"]);
        assert!(outcome.success, "{}\n{}", outcome.stderr, network.logs());
    } else {
        assert!(
            network
                .localnet(&["node", "stop", "--kill", victim])
                .success
        );
        let outcome = network.localnet(&["node", "start", victim]);
        assert!(outcome.success, "{}\n{}", outcome.stderr, network.logs());
    }
}

#[test]
fn nothing_certified_is_lost_when_processes_are_killed_during_a_store() {
    let network = TestNetwork::start(&["--nodes", "4", "--shards", "10"]);
    let mut rng = rand::rngs::StdRng::seed_from_u64(SEED);
    let mut certified = Vec::new();
    for round in 0..ROUNDS {
        let store = start_store(&network, round);
        let moment = STORE_DURATION.mul_f64(rng.gen_range(0.0..1.0));
        std::thread::sleep(moment);
        let victim = match rng.gen_range(0..6) {
            0 | 1 => "chain".to_owned(),
            _ => format!("node-{}", rng.gen_range(0..4)),
        };
        kill_and_restart(&network, &victim);
        let output = store.wait_with_output().unwrap();
        if output.status.success() {
            let reply: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let blob = reply[0]
                .pointer("/blobStoreResult/newlyCreated/blobObject/blobId")
                .unwrap();
            certified.push((round, blob.as_str().unwrap().to_owned()));
        } else {
            // A store may fail when the chain dies under it; it must say so, and a second try must
            // work.
            let message = String::from_utf8_lossy(&output.stderr);
            assert!(
                !message.contains("panicked"),
                "round {round}, {victim} after {moment:?}: {message}"
            );
            let file = network.random_file(FILE_BYTES, round);
            let retry = network.walrus(&["store", text(&file), "--epochs", "1", "--json"]);
            assert!(
                retry.success,
                "round {round}, {victim} after {moment:?}: {}",
                retry.stderr
            );
        }
        for (seed, blob) in &certified {
            assert!(
                network.read(blob) == random_bytes(FILE_BYTES, *seed),
                "blob of round {seed} is damaged after round {round} ({victim} after {moment:?})"
            );
        }
    }
}
