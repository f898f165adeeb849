//! A network in which stakers, operators and voters act through `walrus-admin` only, while a driver
//! holds the nodes' keys and signs what nodes sign.

mod conservation;

use std::{collections::BTreeMap, thread};

use serde_json::Value;
use walrus_contracts::types::Blob;
use walrus_core::{
    Epoch, EpochCount, FROST_PER_WAL, Frost, NetworkKeyPair, ObjectId, ProtocolKeyPair,
};
use walrus_sui::{
    Signer,
    contract::{BlobToCertify, Persistence, StorageSource},
};

use crate::{
    admin::AdminHome,
    contracts::{
        ContractNetwork, EPOCH_DURATION, blob_to_register, certificate, deletable, operator,
        pauper, permanent, protocol_key,
    },
};

/// Deposit of a proposal.
pub const DEPOSIT: Frost = Frost(10 * FROST_PER_WAL);
/// Part of the rewards of an epoch that is burnt, in hundredths.
const BURNT_PERCENT: u64 = 3;
/// Bytes of the blobs of the scenario.
const BLOB_LENGTH: u64 = 3_000_000;

/// The network, and what the driver knows about it.
pub struct Scenario {
    /// Chain and contracts.
    pub network: ContractNetwork,
    /// Where `walrus-admin` runs.
    pub home: AdminHome,
    /// IDs of the nodes, in the order of their registration.
    pub nodes: Vec<String>,
    governance: ObjectId,
    operators: u8,
    /// What has to be burnt by now.
    burnt: Frost,
}

impl Scenario {
    /// Epoch 0 without nodes; `operators` accounts may become operators. Votes on proposals begin
    /// at once and last one whole epoch; execution is possible after one more.
    ///
    /// # Panics
    ///
    /// When something cannot be deployed.
    pub async fn new(operators: u8, shards: u16) -> Self {
        let mut network = ContractNetwork::deploy(operators, shards).await;
        let (home, governance) = AdminHome::with_governance(&mut network, DEPOSIT).await;
        Self {
            network,
            home,
            nodes: Vec::new(),
            governance,
            operators,
            burnt: Frost(0),
        }
    }

    /// What a command prints with `--json`.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn json(&self, signer: &Signer, args: &[&str]) -> Value {
        let text = self.home.shown(signer, &[args, &["--json"]].concat());
        serde_json::from_str(&text).expect("JSON")
    }

    /// What a command that sends something prints with `--json`.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn sent(&self, signer: &Signer, args: &[&str]) -> Value {
        let text = self.home.done(signer, &[args, &["--json"]].concat());
        serde_json::from_str(&text).expect("JSON")
    }

    /// Registers the next node, with prices of a thousandth of a WAL. Returns what the command
    /// printed.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn register_node(&mut self, commission: &str) -> String {
        let index = u8::try_from(self.nodes.len()).expect("there are few nodes");
        let protocol = self.write_key(index, &protocol_key(index));
        let network = self.home.write(
            &format!("network-{index}.key"),
            NetworkKeyPair::from_seed([100 + index; 32]).to_key_file(),
        );
        let name = format!("node-{index}");
        let address = format!("{name}.example.org:9185");
        let printed = self.home.done(
            &operator(index),
            &[
                "register",
                "--name",
                &name,
                "--network-address",
                &address,
                "--protocol-key",
                &protocol,
                "--network-key",
                &network,
                "--storage-price",
                "0.001WAL",
                "--write-price",
                "0.001WAL",
                "--capacity",
                "1TB",
                "--commission",
                commission,
            ],
        );
        let id = printed
            .lines()
            .find_map(|line| line.strip_prefix("Node ID: "))
            .expect("the command names the node");
        self.nodes.push(id.to_owned());
        printed
    }

    /// Writes a key with which a node signs into a file; returns its path.
    pub fn write_key(&self, index: u8, key: &ProtocolKeyPair) -> String {
        self.home
            .write(&format!("protocol-{index}.key"), key.to_key_file())
    }

    /// Lets half of an epoch pass, and ends the voting. Returns what the command printed.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub async fn end_voting(&self) -> String {
        self.half_an_epoch().await;
        self.home.done(&pauper(), &["epoch", "advance"])
    }

    /// Lets the rest of the epoch pass, starts the next one, and lets its nodes attest. Returns
    /// what the command that started it printed.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub async fn start_epoch(&mut self) -> String {
        self.half_an_epoch().await;
        let state = self
            .network
            .reader
            .contract_state()
            .await
            .expect("the contracts");
        let ring = &state.system_inner.future_accounting;
        let current = usize::try_from(ring.current_index).expect("an index");
        let rewards = ring.ring_buffer[current].rewards_to_distribute.value;
        self.burn(Frost(rewards * BURNT_PERCENT / 100));
        let printed = self.home.done(&pauper(), &["epoch", "advance"]);
        self.attest();
        printed
    }

    /// The rest of the epoch.
    pub async fn next_epoch(&mut self) {
        self.end_voting().await;
        self.start_epoch().await;
    }

    async fn half_an_epoch(&self) {
        let half = u64::try_from(EPOCH_DURATION.as_millis() / 2).expect("an hour fits");
        self.network
            .localnet
            .advance_clock(half)
            .await
            .expect("the clock moves");
    }

    /// All nodes of the committee attest that they hold their shards.
    fn attest(&self) {
        let committee = self.json(&pauper(), &["committee"]);
        let members: Vec<u8> = committee["members"]
            .as_array()
            .expect("members")
            .iter()
            .map(|member| self.index_of(member["nodeId"].as_str().expect("an ID")))
            .collect();
        let home = &self.home;
        thread::scope(|scope| {
            for index in members {
                scope.spawn(move || home.done(&operator(index), &["epoch", "sync-done"]));
            }
        });
        assert_eq!(self.json(&pauper(), &["epoch"])["state"], "changeDone");
    }

    fn index_of(&self, node_id: &str) -> u8 {
        let position = self.nodes.iter().position(|id| id == node_id);
        let position = position.expect("the driver registered all nodes");
        u8::try_from(position).expect("there are few nodes")
    }

    /// Shards of the committee in force, by the names of the nodes.
    ///
    /// # Panics
    ///
    /// When the command fails.
    pub fn shards(&self) -> BTreeMap<String, usize> {
        let committee = self.json(&pauper(), &["committee"]);
        let members = committee["members"].as_array().expect("members").iter();
        members
            .map(|member| {
                let name = member["name"].as_str().expect("a name").to_owned();
                (name, member["shards"].as_array().expect("shards").len())
            })
            .collect()
    }

    /// Price in force of storing a MiB for an epoch, in FROST.
    ///
    /// # Panics
    ///
    /// When the command fails.
    pub fn storage_price(&self) -> u64 {
        self.json(&pauper(), &["committee"])["storagePrice"]
            .as_u64()
            .expect("a price")
    }

    /// The current epoch.
    ///
    /// # Panics
    ///
    /// When the command fails.
    pub fn epoch(&self) -> Epoch {
        let epoch = self.json(&pauper(), &["epoch"])["epoch"].as_u64();
        Epoch::try_from(epoch.expect("an epoch")).expect("it is small")
    }

    /// The ID of the only stake of an account with a node that is not leaving.
    ///
    /// # Panics
    ///
    /// When there is none, or several.
    pub fn stake_with(&self, signer: &Signer, node: usize) -> String {
        let stakes = self.json(signer, &["stakes"]);
        let found: Vec<&Value> = stakes
            .as_array()
            .expect("a list")
            .iter()
            .filter(|stake| stake["nodeId"] == self.nodes[node].as_str())
            .filter(|stake| stake["needsRequest"] == true)
            .collect();
        assert_eq!(found.len(), 1, "{stakes}");
        found[0]["id"].as_str().expect("an ID").to_owned()
    }

    /// The user buys storage for `epochs` epochs and registers a blob that `seed` makes differ from
    /// others.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub async fn store(&self, seed: u8, persistence: Persistence, epochs: EpochCount) -> Blob {
        let request = blob_to_register(seed, BLOB_LENGTH, persistence, StorageSource::Buy(epochs));
        let mut registered = self
            .network
            .user
            .reserve_and_register(&[request])
            .await
            .expect("the blob is valid");
        registered.remove(0).blob
    }

    /// The nodes of the committee confirm that they store a blob, and the user certifies it.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub async fn certify(&self, blob: &Blob) {
        let committee = self.network.committee().await;
        let members = u16::try_from(committee.members.len()).expect("there are few members");
        let body = if blob.deletable {
            deletable(blob.blob_id, blob.id)
        } else {
            permanent(blob.blob_id)
        };
        let blob = BlobToCertify {
            object_id: blob.id,
            certificate: certificate(&committee, 0..members, committee.epoch, &body),
        };
        self.network
            .user
            .certify(&[blob])
            .await
            .expect("all nodes have signed");
    }

    /// Extends a blob that was certified, maybe with another version of the contracts.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub async fn extend(&self, blob: &Blob, epochs: EpochCount) {
        let before = self.blob(blob).await;
        self.network
            .user
            .extend_blob(&before, epochs)
            .await
            .expect("the blob is certified");
        let after = self.blob(blob).await;
        assert_eq!(after.storage.end_epoch, before.storage.end_epoch + epochs);
    }

    /// A blob as it is now.
    ///
    /// # Panics
    ///
    /// When it does not exist.
    pub async fn blob(&self, blob: &Blob) -> Blob {
        self.network
            .reader
            .blob(blob.id)
            .await
            .expect("the blob exists")
    }

    /// WAL of an account, apart from its stake.
    ///
    /// # Panics
    ///
    /// When the chain does not answer.
    pub async fn balance(&self, signer: &Signer) -> Frost {
        self.network
            .reader
            .wal_balance(signer.address())
            .await
            .expect("a balance")
    }

    /// The uncollected commission of a node.
    ///
    /// # Panics
    ///
    /// When the pool cannot be read.
    pub async fn commission(&self, node: usize) -> Frost {
        let id: ObjectId = self.nodes[node].parse().expect("an ID");
        let pool = self.network.reader.staking_pool(id).await;
        Frost(pool.expect("the pool exists").commission.value)
    }
}
