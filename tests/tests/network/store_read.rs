//! Store and read through a whole network, with as many nodes down as the protocol tolerates, and
//! more.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use walrus_encoder::{
    NShards,
    quilt::{Quilt, QuiltFile},
};
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

/// The blob IDs in the JSON of a store, all of them available.
fn stored_ids(outcome: &walrus_tests::CommandOutcome) -> Vec<String> {
    let files = outcome.json();
    let id = |file: &serde_json::Value| {
        let result = &file["blobStoreResult"];
        let id = result
            .pointer("/newlyCreated/blobObject/blobId")
            .or(result.pointer("/alreadyCertified/blobId"));
        id.and_then(serde_json::Value::as_str)
            .unwrap_or_else(|| panic!("not stored: {file}"))
            .to_owned()
    };
    files.as_array().unwrap().iter().map(id).collect()
}

#[test]
fn stores_at_the_same_time_do_not_fail_each_other() {
    let network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    let files: Vec<String> = (0..6)
        .map(|seed| text(&network.random_file(2_000, 100 + seed)).to_owned())
        .collect();
    // The same file four times, and two sets that overlap.
    let sets: [&[String]; 6] = [
        &files[..1],
        &files[..1],
        &files[..1],
        &files[..1],
        &files[..4],
        &files[2..],
    ];
    let running: Vec<_> = sets
        .iter()
        .map(|set| {
            let mut command = network.walrus_command();
            command
                .args(["store", "--epochs", "2", "--json"])
                .args(*set);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for (set, child) in sets.iter().zip(running) {
        let outcome: walrus_tests::CommandOutcome = child.wait_with_output().unwrap().into();
        assert_eq!(stored_ids(&outcome).len(), set.len());
    }
    for (seed, file) in files.iter().enumerate() {
        let id = &stored_ids(&network.walrus(&["store", file, "--epochs", "1", "--json"]))[0];
        let seed = 100 + u64::try_from(seed).unwrap();
        assert!(network.read(id) == random_bytes(2_000, seed));
    }
}

#[test]
fn inputs_and_outputs_are_what_their_paths_name() {
    let network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    let folder = network.folder();
    let contents = random_bytes(3_000, 7);

    // A pipe is read once, and its ID is the one the file has.
    let pipe = folder.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let writer = {
        let (pipe, contents) = (pipe.clone(), contents.clone());
        std::thread::spawn(move || fs::write(pipe, contents).unwrap())
    };
    let stored = network.walrus(&["store", text(&pipe), "--epochs", "1", "--json"]);
    let blob = stored_ids(&stored).remove(0);
    writer.join().unwrap();
    let file = network.random_file(3_000, 7);
    let of_file = network.walrus(&["blob-id", text(&file), "--json"]).json();
    assert_eq!(of_file["blobId"], blob.as_str());
    assert_eq!(of_file["nShards"], 7);

    // A link stays a link; its target is written.
    let (link, target) = (folder.join("link"), folder.join("target"));
    fs::write(&target, "old").unwrap();
    std::os::unix::fs::symlink("target", &link).unwrap();
    let outcome = network.walrus(&["read", &blob, "--out", text(&link)]);
    assert!(
        outcome.success && outcome.stdout.starts_with("Success: "),
        "{}",
        outcome.stderr
    );
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read(&target).unwrap() == contents);

    // Standard output under its other name carries the data and nothing else, into a pipe and into
    // a file.
    let read = ["read", &blob, "--out", "/dev/stdout"];
    let output = network.walrus_command().args(read).output().unwrap();
    assert!(output.status.success() && output.stdout == contents);
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("Success: "));
    let got = folder.join("got");
    let mut to_file = fs::File::create(&got).unwrap();
    std::io::Write::write_all(&mut to_file, b"header").unwrap();
    let status = network.walrus_command().args(read).stdout(to_file).status();
    assert!(status.unwrap().success());
    assert!(fs::read(&got).unwrap() == [b"header".as_slice(), contents.as_slice()].concat());

    // A store that waits for its input can be interrupted, and says that nothing is paid.
    let mut command = network.walrus_command();
    command.args(["store", text(&pipe), "--epochs", "1"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // Opening the other end waits until the command has opened its own: from then on it is reading.
    let writer = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let interrupt = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let outcome: walrus_tests::CommandOutcome = child.wait_with_output().unwrap().into();
    outcome.assert_fails(130, &["interrupted", "nothing was paid"]);
    drop(writer);
}

#[test]
fn a_wrong_number_of_shards_in_the_configuration_costs_nothing() {
    let network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    let config = network.ready["client_config"].as_str().unwrap();
    let text_of_config = fs::read_to_string(config).unwrap();
    let right: Vec<&str> = text_of_config
        .lines()
        .filter(|line| !line.starts_with("n_shards:"))
        .collect();
    let wrong = std::path::Path::new(config).with_file_name("wrong.yaml");
    fs::write(&wrong, format!("{}\nn_shards: 13\n", right.join("\n"))).unwrap();
    let file = network.random_file(1_000, 1);
    for command in [
        &["store", text(&file), "--epochs", "1"][..],
        &["store", text(&file), "--epochs", "1", "--dry-run"],
        &["blob-id", text(&file)],
        &["blob-status", "--file", text(&file)],
    ] {
        let mut walrus = std::process::Command::new(walrus_tests::binary("walrus"));
        walrus.arg("--config").arg(&wrong).args(command);
        walrus_tests::run(&mut walrus).assert_fails(1, &["n_shards: 13", "has 7 shards"]);
    }
    let blobs = network
        .walrus(&["list-blobs", "--include-expired", "--json"])
        .json();
    assert_eq!(blobs, serde_json::json!([]));
}

#[test]
fn blobs_are_extended_and_deleted_and_nodes_tell_how_they_are() {
    let network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    let file = network.random_file(1_000, 1);
    let blob = network.store(&file);
    let blobs = network.walrus(&["list-blobs", "--json"]).json();
    let object = blobs[0]["id"].as_str().unwrap();
    let end = |blobs: &serde_json::Value| blobs[0]["storage"]["endEpoch"].as_u64().unwrap();
    let extended = network.walrus(&[
        "extend",
        "--blob-obj-id",
        object,
        "--epochs-extended",
        "3",
        "--json",
    ]);
    let extended = extended.json();
    assert_eq!(extended["epochsExtended"], 3);
    assert!(extended["gasMist"].as_i64().unwrap() > 0, "{extended}");
    let after = network.walrus(&["list-blobs", "--json"]).json();
    assert_eq!(end(&after), end(&blobs) + 3);

    let health = network.walrus(&["health", "--committee", "--json"]).json();
    let nodes = health["healthInfo"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    assert!(
        nodes
            .iter()
            .all(|node| node["healthInfo"]["Ok"]["epoch"] == 1),
        "{health}"
    );
    // Nodes have names.
    let health = network.walrus(&["health", "--node", "node-1", "--json"]);
    let named = health.json()["healthInfo"][0]["nodeId"].clone();
    assert!(nodes.iter().any(|node| node["nodeId"] == named));
    let committee = network.walrus(&["info", "committee", "--node", "node-1", "--json"]);
    let members = committee.json()["currentStorageNodes"].clone();
    assert_eq!(members.as_array().unwrap().len(), 1);
    assert_eq!(members[0]["nodeId"], named);
    network
        .walrus(&["health", "--node", "node"])
        .assert_fails(1, &["can mean 3 nodes", "node-0"]);

    // Gas is shown beside the price.
    let other = network.random_file(1_000, 2);
    let told = network.walrus(&["store", text(&other), "--epochs", "1"]);
    let gas = told.stdout.lines().find(|line| line.starts_with("Gas: "));
    assert!(
        gas.is_some_and(|line| line.ends_with(" SUI")),
        "{}",
        told.stdout
    );
    let deleted = network.walrus(&["delete", "--file", text(&other), "--yes"]);
    assert!(deleted.stdout.contains("\nGas: "), "{}", deleted.stdout);

    // Without a terminal to ask, deleting by file needs a yes.
    network
        .walrus(&["delete", "--file", text(&file)])
        .assert_fails(1, &["--yes", &blob]);
    let deleted = network
        .walrus(&["delete", "--file", text(&file), "--yes", "--json"])
        .json();
    assert_eq!(deleted[0]["deletedBlobs"][0]["id"], object);
    assert_eq!(
        network.walrus(&["list-blobs", "--json"]).json(),
        serde_json::json!([])
    );
    let again = network
        .walrus(&["delete", "--blob-id", &blob, "--json"])
        .json();
    assert_eq!(again[0]["noBlobFound"], true);
    // A permanent blob stays, and the command says why.
    let store = [
        "store",
        text(&file),
        "--epochs",
        "1",
        "--permanent",
        "--json",
    ];
    let stored = network.walrus(&store).json();
    let object = stored[0].pointer("/blobStoreResult/newlyCreated/blobObject/id");
    network
        .walrus(&["delete", "--object-id", object.unwrap().as_str().unwrap()])
        .assert_fails(1, &["1 of 1"]);
}

#[test]
fn files_of_a_quilt_are_listed_and_read() {
    let network = TestNetwork::start(&["--nodes", "3", "--shards", "7"]);
    let n_shards = NShards::new(7).unwrap();
    let files = [
        QuiltFile::new("a.txt", b"first").with_tag("kind", "text"),
        QuiltFile::new("../b", b"second"),
    ];
    let quilt = Quilt::build(n_shards, &files).unwrap();
    let blob = network.folder().join("quilt");
    fs::write(&blob, quilt.as_bytes()).unwrap();
    let id = network.store(&blob);

    let listed = network
        .walrus(&["list-patches-in-quilt", &id, "--json"])
        .json();
    assert_eq!(listed[0]["identifier"], "../b");
    assert_eq!(listed[1]["tags"]["kind"], "text");
    let patch = listed[1]["patchId"].as_str().unwrap();
    let by_patch = format!("--quilt-patch-id={patch}");
    for one in [
        &["--quilt-id", &id, "--identifier", "a.txt"][..],
        &["--quilt-id", &id, "--tag", "kind", "text"],
        &[&by_patch],
    ] {
        let outcome = network.walrus(&[&["read-quilt"], one].concat());
        assert_eq!(outcome.stdout, "first", "{}", outcome.stderr);
    }
    network
        .walrus(&["read-quilt", "--quilt-id", &id])
        .assert_fails(1, &["2 files", "--out"]);
    let out = network.folder().join("files");
    let read = ["read-quilt", "--quilt-id", &id, "--out", text(&out)];
    assert!(network.walrus(&read).success);
    assert_eq!(fs::read(out.join("a.txt")).unwrap(), b"first");
    assert_eq!(fs::read(out.join("%2E.%2Fb")).unwrap(), b"second");
    network.walrus(&read).assert_fails(1, &["exists already"]);
    // A blob that is no quilt is said to be none.
    let plain = network.store(&network.random_file(1_000, 1));
    network
        .walrus(&["list-patches-in-quilt", &plain])
        .assert_fails(1, &["is no quilt"]);
}
