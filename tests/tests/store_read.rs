//! Store and read through a whole network, with as many nodes down as the protocol tolerates, and more.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::time::{Duration, Instant};

use walrus_tests::{TestNetwork, random_bytes, text};

/// Nodes whose shards add up to exactly `weight`; these networks always have some.
fn nodes_with_weight(nodes: &[(String, usize)], weight: usize) -> Vec<&str> {
    let count = u32::try_from(nodes.len()).unwrap();
    let sets = (0..2_u32.pow(count)).map(|set| {
        let chosen = nodes
            .iter()
            .enumerate()
            .filter(move |(index, _)| set >> index & 1 == 1);
        chosen.map(|(_, node)| node).collect::<Vec<_>>()
    });
    let matching = sets
        .into_iter()
        .find(|set| set.iter().map(|(_, shards)| shards).sum::<usize>() == weight);
    matching
        .expect("a set of nodes with that weight")
        .into_iter()
        .map(|(name, _)| name.as_str())
        .collect()
}

#[test]
fn files_of_all_sizes_survive_the_loss_of_f_shards() {
    let network = TestNetwork::start(&["--nodes", "4", "--shards", "10"]);
    let sizes = [0, 1, 17, 1 << 10, 1 << 20];
    let blobs = sizes.map(|size| network.store(&network.random_file(size, 1)));

    let nodes = network.nodes();
    for name in nodes_with_weight(&nodes, 3) {
        assert!(network.localnet(&["node", "stop", name]).success);
    }
    for (size, blob) in sizes.into_iter().zip(&blobs) {
        assert!(
            network.read(blob) == random_bytes(size, 1),
            "{size} bytes came back different"
        );
    }
    // A store succeeds as well: the nodes that are left have a quorum.
    let blob = network.store(&network.random_file(5_000, 2));
    assert!(network.read(&blob) == random_bytes(5_000, 2));
}

#[test]
fn one_node_too_many_down_fails_in_bounded_time_and_heals_by_itself() {
    let network = TestNetwork::start(&["--nodes", "4", "--shards", "10"]);
    let file = network.random_file(100_000, 3);
    let blob = network.store(&file);

    // Two nodes of three shards, and one of two: 8 of 10 shards are gone, reads need 4, stores 7.
    let nodes = network.nodes();
    let stopped = nodes_with_weight(&nodes, 8);
    for name in &stopped {
        assert!(network.localnet(&["node", "stop", name]).success);
    }
    let started = Instant::now();
    let out = network.folder().join("never");
    network
        .walrus(&["read", &blob, "--out", text(&out)])
        .assert_fails(1, &["2", "4", "shards"]);
    assert!(!out.exists(), "a failed read leaves no file");
    let other = network.random_file(100_000, 4);
    network
        .walrus(&["store", text(&other), "--epochs", "1"])
        .assert_fails(1, &["2", "7", "shards"]);
    assert!(
        started.elapsed() < Duration::from_secs(120),
        "took {:?}",
        started.elapsed()
    );

    let start = [&["node", "start"], stopped.as_slice()].concat();
    let outcome = network.localnet(&start);
    assert!(outcome.success, "{}", outcome.stderr);
    assert!(network.read(&blob) == random_bytes(100_000, 3));
    let blob = network.store(&other);
    assert!(network.read(&blob) == random_bytes(100_000, 4));
}

#[test]
fn a_network_resumes_with_everything_it_had() {
    let mut network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    let blob = network.store(&network.random_file(50_000, 5));
    let before = network.ready.clone();
    assert!(network.localnet(&["down"]).success);
    network.up(&[]);
    for key in [
        "rpc",
        "chain_id",
        "packages",
        "system_object",
        "staking_object",
    ] {
        assert_eq!(network.ready[key], before[key], "{key}");
    }
    assert!(network.read(&blob) == random_bytes(50_000, 5));
    let blob = network.store(&network.random_file(50_000, 6));
    assert!(network.read(&blob) == random_bytes(50_000, 6));
}
