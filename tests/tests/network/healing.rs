//! A network of processes heals itself: shards move with their blobs, a lost disk fills again, a
//! blob that was written without a node reaches it, and a node that is gone for good is missed by
//! nobody.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

use std::{
    fs,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;
use walrus_core::{Epoch, Frost, ObjectId};
use walrus_sui::{Committees, SuiReader, Wallet, WalrusContract, contract::Call};
use walrus_tests::{TestNetwork, random_bytes, text};

/// Only ends broken tests.
const PATIENCE: Duration = Duration::from_secs(300);

/// Slivers of the smaller ones are kept in the index, those of the larger ones in files.
const SIZES: [usize; 6] = [1, 500, 10_000, 70_000, 900_000, 1_500_000];

/// More than any node of the network has.
const MUCH_STAKE: Frost = Frost(3_000_000_000_000);

struct Patient {
    network: TestNetwork,
    runtime: Runtime,
    reader: SuiReader,
    blobs: Vec<(String, Vec<u8>)>,
}

impl Patient {
    fn new() -> Self {
        let options = ["--nodes", "4", "--shards", "10", "--epoch-duration", "10"];
        let network = TestNetwork::start(&options);
        let runtime = Runtime::new().unwrap();
        let reader = runtime.block_on(async { network.reader() });
        Self {
            reader,
            runtime,
            network,
            blobs: Vec::new(),
        }
    }

    fn store(&mut self) {
        for (seed, size) in (self.blobs.len() as u64..).zip(SIZES) {
            let file = self.network.random_file(size, seed);
            let store = ["store", text(&file), "--epochs", "40", "--json"];
            let reply = self.network.walrus(&store).json();
            let blob_id = reply[0].pointer("/blobStoreResult/newlyCreated/blobObject/blobId");
            let blob_id = blob_id.unwrap().as_str().unwrap().to_owned();
            self.blobs.push((blob_id, random_bytes(size, seed)));
        }
    }

    fn assert_all_read(&self) {
        for (blob_id, bytes) in &self.blobs {
            assert!(self.network.read(blob_id) == *bytes, "{blob_id} differs");
        }
    }

    fn committees(&self) -> Committees {
        self.runtime.block_on(async {
            self.reader.refresh().await;
            (*self.reader.committees().await.unwrap()).clone()
        })
    }

    fn epoch(&self) -> Epoch {
        self.committees().epoch
    }

    fn wait_until(&self, what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            let logs = || self.network.logs();
            assert!(Instant::now() < deadline, "never: {what}\n{}", logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until an epoch after the present one has begun and its change is complete: a quorum
    /// has its shards.
    fn wait_for_another_epoch(&self) {
        let present = self.epoch();
        self.wait_until("another epoch is complete", || {
            let committees = self.committees();
            committees.epoch > present && !committees.is_changing()
        });
    }

    fn shards(&self, node: &str) -> usize {
        let current = self.committees().current;
        let member = current.members.iter().find(|member| member.name == node);
        member.map_or(0, |member| member.shards.len())
    }

    fn stake(&self, node: &str) {
        let wallet = Wallet::load(self.network.state_dir().join("sui_client.yaml")).unwrap();
        let contract = WalrusContract::new(self.reader.clone(), wallet.active_signer().unwrap());
        let current = self.committees().current;
        let member = current.members.iter().find(|member| member.name == node);
        let node_id: ObjectId = member.unwrap().node_id;
        let call = Call::stake(vec![(node_id, MUCH_STAKE)]);
        self.runtime.block_on(contract.execute(&call)).unwrap();
    }

    fn node(&self, action: &str, node: &str) {
        let outcome = self.network.localnet(&["node", action, node]);
        assert!(outcome.success, "{}", outcome.stderr);
    }
}

#[test]
fn shards_move_disks_are_lost_and_every_blob_reads() {
    let mut patient = Patient::new();
    let names: Vec<String> = patient
        .network
        .nodes()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let [rich, unlucky, absent, last] = names.try_into().unwrap();
    patient.store();

    // More stake moves shards while blobs are stored.
    let before = patient.shards(&rich);
    patient.stake(&rich);
    patient.wait_until("shards move", || patient.shards(&rich) >= before + 2);
    patient.store();
    patient.wait_for_another_epoch();
    patient.assert_all_read();

    // One node is away while blobs are written, another loses its disk.
    patient.node("stop", &absent);
    patient.store();
    patient.node("start", &absent);
    patient.node("stop", &unlucky);
    let storage = patient.network.state_dir().join("nodes").join(&unlucky);
    fs::remove_dir_all(storage.join("storage")).unwrap();
    patient.node("start", &unlucky);
    patient.wait_for_another_epoch();
    patient.wait_for_another_epoch();
    patient.assert_all_read();

    // The last one to go is the one everything used to be on: what others recovered is enough.
    patient.node("stop", &last);
    patient.assert_all_read();
}
