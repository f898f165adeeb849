//! Event blobs in a network of processes: certified on a chain that forgets, read like any blob,
//! the same after power cuts, and all that a node with an empty disk needs.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    fs,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;
use walrus_contracts::{event_blob::EventBlob, events::WalrusEvent};
use walrus_core::BlobId;
use walrus_sui::SuiReader;
use walrus_tests::{TestNetwork, random_bytes, text};

/// Only ends broken tests.
const PATIENCE: Duration = Duration::from_secs(300);

/// Checkpoints of an event blob.
const CHECKPOINTS: u64 = 20;

/// Checkpoints the chain remembers.
const RETENTION: u64 = 150;

struct World {
    network: TestNetwork,
    runtime: Runtime,
    reader: SuiReader,
    blobs: Vec<(String, Vec<u8>)>,
}

impl World {
    fn new() -> Self {
        let (checkpoints, retention) = (CHECKPOINTS.to_string(), RETENTION.to_string());
        let network = TestNetwork::start(&[
            "--event-blob-checkpoints",
            &checkpoints,
            "--chain-retention",
            &retention,
        ]);
        let runtime = Runtime::new().unwrap();
        let reader = runtime.block_on(async { network.reader() });
        Self {
            reader,
            runtime,
            network,
            blobs: Vec::new(),
        }
    }

    fn store(&mut self, bytes: usize) {
        let seed = u64::try_from(self.blobs.len()).unwrap();
        let file = self.network.random_file(bytes, seed);
        let store = ["store", text(&file), "--epochs", "40", "--json"];
        let reply = self.network.walrus(&store).json();
        let blob_id = reply[0].pointer("/blobStoreResult/newlyCreated/blobObject/blobId");
        let blob_id = blob_id.unwrap().as_str().unwrap().to_owned();
        self.blobs.push((blob_id, random_bytes(bytes, seed)));
    }

    /// The ID of the last certified event blob, and its last checkpoint.
    fn latest(&self) -> Option<(BlobId, u64)> {
        let state = self.runtime.block_on(async {
            self.reader.refresh().await;
            self.reader.contract_state().await.unwrap()
        });
        let certification = &state.system_inner.event_blob_certification_state;
        let latest = certification.latest_certified_blob.as_ref()?;
        Some((latest.blob_id, latest.ending_checkpoint_sequence_number))
    }

    /// First and last checkpoint the chain remembers.
    fn remembered(&self) -> (u64, u64) {
        let available = self.reader.rpc().available_checkpoints();
        self.runtime.block_on(available).unwrap().into_inner()
    }

    /// Lets the chain make checkpoints until `condition` holds.
    fn tick_until(&self, what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            assert!(
                Instant::now() < deadline,
                "never: {what}\n{}",
                self.network.logs()
            );
            let outcome = self.network.localnet(&["clock", "+1s"]);
            assert!(outcome.success, "{}", outcome.stderr);
        }
    }

    fn certify_until(&self, checkpoint: u64) {
        self.tick_until("an event blob is certified", || {
            self.latest().is_some_and(|(_, last)| last >= checkpoint)
        });
    }

    /// All events that are published, read as anybody reads blobs, by walking back from the last
    /// event blob.
    fn published(&self) -> Vec<WalrusEvent> {
        let mut next = self.latest().map(|(blob_id, _)| blob_id);
        let mut blobs = Vec::new();
        while let Some(blob_id) = next {
            let blob = EventBlob::parse(self.network.read(&blob_id.to_string())).unwrap();
            next = blob.previous();
            blobs.push(blob);
        }
        blobs.reverse();
        let (mut index, mut events) = (0, Vec::new());
        for blob in &blobs {
            assert_eq!(blob.first_index(), index);
            index = blob.end_index();
            let checkpoints = blob.checkpoints().map(Result::unwrap);
            events.extend(checkpoints.flat_map(|checkpoint| checkpoint.events));
        }
        events.into_iter().map(|(_, event)| event).collect()
    }

    /// Whether the certificate of a stored blob is among `events`.
    fn is_certified_in(events: &[WalrusEvent], blob_id: &str) -> bool {
        events.iter().any(|event| match event {
            WalrusEvent::BlobCertified(event) => event.blob_id.to_string() == blob_id,
            _ => false,
        })
    }

    fn node(&self, action: &[&str]) {
        let outcome = self.network.localnet(&[&["node"], action].concat());
        assert!(outcome.success, "{}", outcome.stderr);
    }

    /// Whether a node is active and all its shards are complete.
    fn is_complete(&self, name: &str) -> bool {
        let health = self.network.walrus(&["health", "--committee", "--json"]);
        let report: serde_json::Value = serde_json::from_str(&health.stdout).unwrap_or_default();
        let nodes = report["healthInfo"].as_array().into_iter().flatten();
        let mut own = nodes.filter(|node| node["nodeName"] == name);
        own.next().is_some_and(|node| {
            let health = &node["healthInfo"]["Ok"];
            let shards = &health["shardSummary"];
            // A node that has not heard of any epoch yet has no shards at all.
            health["nodeStatus"] == "Active"
                && shards["owned"] != 0
                && shards["owned"] == shards["ownedShardStatus"]["ready"]
        })
    }

    fn reads(&self, blob_id: &str, bytes: &[u8]) -> bool {
        let out = self.network.folder().join("read");
        let outcome = self.network.walrus(&["read", blob_id, "--out", text(&out)]);
        outcome.success && fs::read(&out).unwrap() == bytes
    }
}

#[test]
fn events_are_published_and_an_empty_disk_is_filled_from_them() {
    let mut world = World::new();
    world.store(500);
    world.store(70_000);
    let (_, now) = world.remembered();
    world.certify_until(now);
    let events = world.published();
    assert!(
        world
            .blobs
            .iter()
            .all(|(blob_id, _)| World::is_certified_in(&events, blob_id))
    );

    // Power cuts while files are being written: the nodes come to the same ones.
    for nodes in [
        ["node-0", "node-1"],
        ["node-2", "node-3"],
        ["node-1", "node-2"],
    ] {
        let (_, now) = world.remembered();
        world.node(&["stop", "--kill", nodes[0], nodes[1]]);
        world.tick_until("some checkpoints", || {
            world.remembered().1 >= now + CHECKPOINTS / 2
        });
        world.node(&["start", nodes[0], nodes[1]]);
        world.certify_until(now + CHECKPOINTS / 2);
    }
    assert!(world.published().len() > events.len());

    // A node loses its disk, and when it comes back the chain has forgotten nearly everything.
    world.node(&["stop", "node-3"]);
    let storage = world.network.state_dir().join("nodes/node-3/storage");
    fs::remove_dir_all(&storage).unwrap();
    world.store(900_000);
    let (_, lost_at) = world.remembered();
    world.tick_until("the chain forgets", || world.remembered().0 > lost_at);
    world.certify_until(lost_at);
    world.node(&["start", "node-3"]);
    world.tick_until("node-3 is complete", || world.is_complete("node-3"));
    let log = || fs::read_to_string(world.network.state_dir().join("logs/node-3.log")).unwrap();
    assert!(log().contains("event blobs are replayed"), "{}", log());
    // What was certified in this epoch is healed beside the shards.
    world.tick_until("node-3 has healed every blob", || {
        let log = log();
        let is_healed =
            |blob_id: &str| log.contains(&format!("the blob is healed blob_id={blob_id}"));
        world.blobs.iter().all(|(blob_id, _)| is_healed(blob_id))
    });
    // With two nodes away, every read needs what node-3 has recovered.
    world.node(&["stop", "node-0", "node-1"]);
    for (blob_id, bytes) in &world.blobs {
        world.tick_until("blobs read from node-2 and node-3", || {
            world.reads(blob_id, bytes)
        });
    }
    let latest = world.latest().unwrap().0;
    EventBlob::parse(world.network.read(&latest.to_string())).unwrap();
    world.node(&["start", "node-0", "node-1"]);
}
