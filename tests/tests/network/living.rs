//! A network that is left alone: epochs move, prices follow the votes, what expires goes, what
//! lives can be read.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use walrus_core::{Epoch, Frost};
use walrus_sui::{
    CommitteeMember, EpochInfo, SuiReader, Wallet, WalrusContract, contract::NodeVotes,
};
use walrus_tests::{TestNetwork, random_bytes, text};

/// Only ends broken tests.
const PATIENCE: Duration = Duration::from_secs(300);

/// Large enough that its slivers are files.
const SHORT_LIVED_BYTES: usize = 1 << 20;
/// Small enough that its slivers are not.
const LONG_LIVED_BYTES: usize = 10_000;

/// A running network and a view of its chain.
struct Life {
    network: TestNetwork,
    runtime: tokio::runtime::Runtime,
    reader: SuiReader,
}

impl Life {
    fn begin(epoch_secs: u64) -> Self {
        let duration = epoch_secs.to_string();
        let options = ["--nodes", "4", "--shards", "10"];
        let network =
            TestNetwork::start(&[&options[..], &["--epoch-duration", &duration]].concat());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let reader = runtime.block_on(async { network.reader() });
        Self {
            network,
            runtime,
            reader,
        }
    }

    fn epoch(&self) -> EpochInfo {
        self.runtime.block_on(async {
            self.reader.refresh().await;
            self.reader.epoch_info().await.unwrap()
        })
    }

    fn wait_until(&self, what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            assert!(
                Instant::now() < deadline,
                "never: {what}; {:?}\n{}",
                self.epoch(),
                self.network.logs()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn wait_for_epoch(&self, epoch: Epoch) {
        self.wait_until(&format!("epoch {epoch}"), || self.epoch().epoch >= epoch);
    }

    fn store(&self, bytes: usize, seed: u64, epochs: u32) -> String {
        let file = self.network.random_file(bytes, seed);
        let epochs = epochs.to_string();
        let store = ["store", text(&file), "--epochs", &epochs, "--json"];
        let reply = self.network.walrus(&store).json();
        let blob_id = reply[0].pointer("/blobStoreResult/newlyCreated/blobObject/blobId");
        blob_id.unwrap().as_str().unwrap().to_owned()
    }

    /// Every node votes for these prices.
    fn vote(&self, storage_price: Frost, write_price: Frost) {
        for (name, _) in self.network.nodes() {
            let wallet = self.network.state_dir().join("nodes").join(&name);
            let wallet = Wallet::load(wallet.join("sui_client.yaml")).unwrap();
            let _runtime = self.runtime.enter();
            let contract =
                WalrusContract::new(self.reader.clone(), wallet.active_signer().unwrap());
            let votes = NodeVotes {
                storage_price,
                write_price,
                node_capacity: 1_000_000_000_000,
            };
            self.runtime.block_on(async {
                let caps = self
                    .reader
                    .owned_node_caps(contract.address())
                    .await
                    .unwrap();
                contract.set_votes(caps[0].id, votes).await.unwrap();
            });
        }
    }

    fn prices(&self) -> (Frost, Frost) {
        self.runtime.block_on(async {
            self.reader.refresh().await;
            let prices = self.reader.prices().await.unwrap();
            (prices.storage_per_unit, prices.write_per_unit)
        })
    }

    /// Files with slivers, on all nodes.
    fn sliver_files(&self) -> usize {
        let storages = self.network.nodes().into_iter().map(|(name, _)| {
            let node = self.network.state_dir().join("nodes").join(name);
            node.join("storage").join("slivers")
        });
        storages.map(|slivers| files_below(&slivers)).sum()
    }

    /// Restarts all nodes, one after another; each gets another name by its configuration.
    fn restart_all_nodes(&self) {
        for (name, _) in self.network.nodes() {
            let folder = self.network.state_dir().join("nodes").join(&name);
            let config = folder.join("walrus-node.yaml");
            let text = std::fs::read_to_string(&config).unwrap();
            let (before, after) = (format!("name: {name}\n"), format!("name: renamed-{name}\n"));
            assert!(text.contains(&before), "{text}");
            std::fs::write(&config, text.replace(&before, &after)).unwrap();
            for action in ["stop", "start"] {
                let outcome = self.network.localnet(&["node", action, &name]);
                assert!(
                    outcome.success,
                    "{}\n{}",
                    outcome.stderr,
                    self.network.logs()
                );
            }
        }
    }
}

fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            if entry.path().is_dir() {
                files_below(&entry.path())
            } else {
                1
            }
        })
        .sum()
}

/// Nobody moves the epochs on but the nodes, which are all restarted once meanwhile.
fn live_through(epoch_secs: u64, epochs: Epoch) {
    let life = Life::begin(epoch_secs);
    let long_lived = life.store(LONG_LIVED_BYTES, 1, 50);
    let short_lived = life.store(SHORT_LIVED_BYTES, 2, 3);
    assert!(life.sliver_files() > 0);
    let (storage_price, write_price) = (Frost(70_000), Frost(7_000));
    life.vote(storage_price, write_price);
    let first = life.epoch().epoch;

    life.wait_for_epoch(first + 1);
    life.restart_all_nodes();
    life.wait_for_epoch(first + epochs);
    assert_eq!(life.prices(), (storage_price, write_price));

    life.wait_until("the nodes have the names of their configurations", || {
        let committee = life.runtime.block_on(async {
            life.reader.refresh().await;
            life.reader.current_committee().await.unwrap()
        });
        let is_renamed = |member: &CommitteeMember| member.name.starts_with("renamed-node-");
        committee.members.iter().all(is_renamed)
    });
    life.wait_until("the slivers of the expired blob are gone", || {
        life.sliver_files() == 0
    });
    let out = life.network.folder().join("expired");
    life.network
        .walrus(&["read", &short_lived, "--out", text(&out)])
        .assert_fails(1, &[]);
    assert!(life.network.read(&long_lived) == random_bytes(LONG_LIVED_BYTES, 1));
    // And what is stored now is stored like ever before.
    let blob = life.store(LONG_LIVED_BYTES, 3, 20);
    assert!(life.network.read(&blob) == random_bytes(LONG_LIVED_BYTES, 3));
}

#[test]
fn epochs_move_by_themselves() {
    live_through(5, 4);
}

#[test]
#[ignore = "takes three minutes: cargo test --workspace --test network living:: -- --ignored"]
fn a_network_lives_for_three_minutes() {
    live_through(20, 8);
}
