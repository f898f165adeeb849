//! Contracts on an embedded chain, with nodes that exist as keys only: enough to test everything
//! that the chain decides, without storage nodes.

use std::time::Duration;

use sui_localnet::{Localnet, LocalnetConfig};
use walrus_contracts::types::NodeMetadata;
use walrus_core::{
    BlobId, EncodingType, Epoch, FROST_PER_WAL, Frost, NShards, NetworkKeyPair, merkle::Node,
};
use walrus_deploy::{DeployConfig, Deployer, Deployment};
use walrus_sui::{
    Committee, SuiReader, SuiRpc, WalrusContract,
    contract::{BlobToRegister, NodeDescription, NodeVotes, Persistence, StorageSource},
    fleet::NodeToRegister,
    ids::account_address,
};

pub use crate::keys::{
    admin, certificate, deletable, operator, pauper, permanent, protocol_key, user,
};

/// SUI of every account at genesis, in MIST.
const GENESIS_MIST: u64 = 100_000_000_000_000;
/// WAL of the user, in FROST.
pub const USER_WAL: Frost = Frost(1_000_000 * FROST_PER_WAL);
/// What every node votes for.
pub const STORAGE_PRICE: Frost = Frost(5);
/// What every node votes for.
pub const WRITE_PRICE: Frost = Frost(1);
/// Duration of an epoch. Tests move the chain's clock; nobody waits for it.
pub const EPOCH_DURATION: Duration = Duration::from_secs(3600);
/// Storage can be bought for this many epochs ahead.
pub const MAX_EPOCHS_AHEAD: u32 = 10;

/// A deployment in epoch 1 (or later), whose nodes' keys are known.
pub struct ContractNetwork {
    /// The chain.
    pub localnet: Localnet,
    /// The contracts.
    pub deployment: Deployment,
    /// Reads of the contracts, never cached.
    pub reader: SuiReader,
    /// Calls of the user. Clone it: clones take turns.
    pub user: WalrusContract,
    /// Calls of the admin.
    pub admin: WalrusContract,
    /// The deployer, whose list of nodes is in the order of their indices.
    pub deployer: Deployer,
    nodes: u8,
}

impl ContractNetwork {
    /// Starts a chain, deploys, registers `nodes` nodes with equal stake, and completes the change
    /// to epoch 1.
    pub async fn start(nodes: u8, shards: u16) -> Self {
        let mut network = Self::deploy(nodes, shards).await;
        network.register_all().await;
        network
            .deployer
            .end_epoch_zero(Frost(1000 * FROST_PER_WAL))
            .await
            .expect("epoch 1 starts");
        network.attest(1).await;
        network.reader.refresh().await;
        network
    }

    /// Starts a chain and deploys; the network is in epoch 0 and has no nodes.
    pub async fn deploy(nodes: u8, shards: u16) -> Self {
        let operators = (0..nodes).map(operator);
        let accounts = [admin(), user(), pauper()].into_iter().chain(operators);
        let localnet = Localnet::start(LocalnetConfig {
            accounts: accounts
                .map(|signer| (account_address(signer.address()), GENESIS_MIST))
                .collect(),
            ..LocalnetConfig::default()
        })
        .await
        .expect("a chain in memory starts");
        let rpc = SuiRpc::new([localnet.rpc_url()]).expect("the URL is valid");
        let mut deployer = Deployer::open(rpc.clone(), admin(), None)
            .await
            .expect("the chain answers");
        let config = DeployConfig {
            n_shards: NShards::new(shards).expect("tests use shards"),
            epoch_zero_duration: Duration::ZERO,
            epoch_duration: EPOCH_DURATION,
            max_epochs_ahead: MAX_EPOCHS_AHEAD,
        };
        let deployment = deployer
            .deploy(&config)
            .await
            .expect("the contracts can be deployed");
        let reader = SuiReader::with_cache_ttl(rpc, deployment.ids(), Duration::ZERO);
        let user = WalrusContract::new(reader.clone(), user());
        let admin = WalrusContract::with_executor(reader.clone(), deployer.executor().clone());
        let wal = reader
            .wal_type()
            .await
            .expect("the contracts name the type of WAL");
        admin
            .executor()
            .send_wal(&wal, &[(user.address(), USER_WAL)])
            .await
            .expect("the admin has all WAL");
        Self {
            localnet,
            deployment,
            reader,
            user,
            admin,
            deployer,
            nodes,
        }
    }

    /// Registers all nodes.
    pub async fn register_all(&mut self) {
        let nodes: Vec<_> = (0..self.nodes).map(node_to_register).collect();
        self.deployer
            .register_nodes(&nodes)
            .await
            .expect("nodes can be registered");
    }

    /// Lets all nodes attest that they have their shards of `epoch`.
    pub async fn attest(&self, epoch: Epoch) {
        let operators: Vec<_> = (0..self.nodes).map(operator).collect();
        self.deployer
            .attest_epoch_sync(&operators, epoch)
            .await
            .expect("nodes of the committee can attest");
    }

    /// Lets time pass until the next epoch has started and all nodes have attested.
    pub async fn next_epoch(&self) -> Epoch {
        let half = u64::try_from(EPOCH_DURATION.as_millis() / 2).expect("an hour fits") + 1;
        self.localnet
            .advance_clock(half)
            .await
            .expect("the clock moves");
        self.admin
            .voting_end()
            .await
            .expect("half of the epoch is over");
        self.localnet
            .advance_clock(half)
            .await
            .expect("the clock moves");
        self.admin
            .initiate_epoch_change()
            .await
            .expect("the epoch is over");
        let epoch = self
            .reader
            .epoch_info()
            .await
            .expect("the chain answers")
            .epoch;
        self.attest(epoch).await;
        epoch
    }

    /// The committee in force.
    pub async fn committee(&self) -> Committee {
        self.reader
            .current_committee()
            .await
            .expect("the committee can be read")
    }

    /// Registers a permanent blob of `length` bytes for two epochs; `seed` makes it differ from
    /// others.
    pub async fn register(&self, seed: u8, length: u64) -> walrus_contracts::types::Blob {
        self.register_as(seed, length, Persistence::Permanent).await
    }

    /// Registers a blob of `length` bytes for two epochs.
    pub async fn register_as(
        &self,
        seed: u8,
        length: u64,
        persistence: Persistence,
    ) -> walrus_contracts::types::Blob {
        let request = blob_to_register(seed, length, persistence, StorageSource::Buy(2));
        let registered = self
            .user
            .reserve_and_register(&[request])
            .await
            .expect("the blob is valid");
        registered
            .into_iter()
            .next()
            .expect("one result for one blob")
            .blob
    }
}

/// A blob that does not exist as data: its Merkle root is made up, which the chain cannot know.
pub fn blob_to_register(
    seed: u8,
    length: u64,
    persistence: Persistence,
    storage: StorageSource,
) -> BlobToRegister {
    let root = Node::Digest([seed; 32]);
    BlobToRegister {
        blob_id: BlobId::derive(EncodingType::Rs2, length, &root),
        root_hash: *root.as_bytes(),
        unencoded_length: length,
        encoding_type: EncodingType::Rs2,
        persistence,
        storage,
        attributes: Vec::new(),
    }
}

fn node_to_register(index: u8) -> NodeToRegister {
    NodeToRegister {
        operator: operator(index),
        node: NodeDescription {
            name: format!("node-{index}"),
            network_address: format!("127.0.0.1:{}", 9000 + u16::from(index)),
            metadata: NodeMetadata::default(),
            protocol_key: protocol_key(index),
            network_public_key: NetworkKeyPair::from_seed([100 + index; 32]).public(),
            commission_rate: 0,
            votes: NodeVotes {
                storage_price: STORAGE_PRICE,
                write_price: WRITE_PRICE,
                node_capacity: 1 << 40,
            },
        },
    }
}
