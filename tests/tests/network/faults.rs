//! What goes wrong in networks, done on purpose by `walrus-localnet fault`, one thing after
//! another. Every scene ends in the same
//! check: all blobs read as they were stored, and every node gets to full health by itself.

use std::{fs, process::Stdio, time::Duration};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use walrus_tests::{
    TestNetwork,
    contents::{Contents, wait},
    random_bytes, text,
};

/// Slivers are files, and are not.
const SIZES: [usize; 2] = [700_000, 20_000];

/// A network with its blobs.
struct Patient {
    network: TestNetwork,
    contents: Contents,
}

impl Patient {
    fn new() -> Self {
        let network = TestNetwork::start(&["--nodes", "4", "--shards", "10"]);
        let contents = Contents::new(10);
        let mut patient = Self { network, contents };
        patient.store();
        patient
    }

    fn store(&mut self) {
        for size in SIZES {
            self.contents.store(&self.network, size);
        }
    }

    fn localnet(&self, words: &str) {
        let args: Vec<_> = words.split(' ').collect();
        let outcome = self.network.localnet(&args);
        let logs = || self.network.logs();
        assert!(outcome.success, "{words}: {}\n{}", outcome.stderr, logs());
    }

    fn heal(&self) {
        self.localnet("fault heal");
        self.contents.assert_ends_well(&self.network);
    }

    fn lose_disk(&self, node: &str) {
        self.localnet(&format!("node stop {node}"));
        let folder = self.network.state_dir().join("nodes").join(node);
        fs::remove_dir_all(folder.join("storage")).expect("it had a disk");
    }
}

#[test]
fn nodes_that_lie_and_disks_that_rot() {
    let mut patient = Patient::new();
    for lie in [
        "wrong-slivers",
        "wrong-metadata",
        "wrong-signatures",
        "equivocation",
        "garbage",
    ] {
        patient.localnet(&format!("fault lie node-0 {lie}"));
        patient.contents.assert_readable(&patient.network);
        patient.store();
    }
    // Another one has lost everything while this one lies.
    patient.localnet("fault lie node-0 wrong-symbols");
    patient.lose_disk("node-2");
    patient.localnet("node start node-2");
    patient.heal();

    let listed = patient
        .network
        .localnet(&["fault", "list", "--json"])
        .json();
    assert_eq!(listed["lies"], serde_json::json!({}));
    for (node, what) in [("node-1", "slivers"), ("node-3", "metadata")] {
        let rot = ["fault", "rot", node, what, "--count", "3", "--json"];
        let flips = patient.network.localnet(&rot).json();
        assert_eq!(flips.as_array().map(Vec::len), Some(3), "{flips}");
        patient.contents.assert_readable(&patient.network);
        patient.contents.assert_ends_well(&patient.network);
    }

    // The disk of a node that heals is full for a while.
    patient.lose_disk("node-1");
    patient.localnet("fault full-disk node-1");
    patient.localnet("node start node-1");
    patient.contents.assert_readable(&patient.network);
    patient.heal();
    patient.contents.assert_no_garbage(&patient.network);
}

#[test]
fn partitions_pauses_and_a_chain_that_is_away() {
    let mut patient = Patient::new();
    // A node is cut off while an epoch changes and blobs are written.
    patient.localnet("fault partition node-3");
    patient.localnet("epoch next");
    patient.store();
    patient.heal();

    // For one node the chain is silent, for another one it is late.
    patient.localnet("fault link chain --from node-1 --silent");
    patient.localnet("fault link chain --from node-2 --delay 200ms");
    patient.store();
    patient.heal();

    // A machine hangs, and every way to another one is slow.
    patient.localnet("fault pause node-0");
    patient.localnet("fault link node-2 --delay 20ms --rate 2000000");
    patient.contents.assert_readable(&patient.network);
    patient.heal();

    // Epochs pass while a node is away.
    patient.localnet("fault kill node-2");
    patient.localnet("epoch next 3");
    patient.heal();

    // Time jumps, and a client is killed at any moment and tries again.
    patient.localnet("clock +1h");
    let mut rng = StdRng::seed_from_u64(0xfa01);
    for seed in 0..3 {
        let seed = 1_000 + seed;
        let file = patient.network.random_file(SIZES[0], seed);
        let store = ["store", text(&file), "--epochs", "40", "--json"];
        let mut command = patient.network.walrus_command();
        command
            .args(store)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut aborted = command.spawn().expect("walrus starts");
        std::thread::sleep(Duration::from_millis(rng.gen_range(0..1_500)));
        aborted.kill().expect("it can be killed");
        aborted.wait().expect("it was started");
        let outcome = patient.network.walrus(&store);
        assert!(outcome.success, "{}", outcome.stderr);
        let bytes = random_bytes(SIZES[0], seed);
        patient.contents.add(&outcome.json(), bytes);
    }
    wait(&patient.network, "a report of faults", || {
        let report = patient.network.localnet(&["fault", "list"]);
        report.success && report.stdout.contains("node-0: running")
    });
    patient.heal();
    patient.contents.assert_no_garbage(&patient.network);
}
