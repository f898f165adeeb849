//! Contracts on an embedded chain, with nodes that exist as keys only: enough to test everything that the
//! chain decides, without storage nodes.

use std::time::Duration;

use sui_localnet::{Localnet, LocalnetConfig};
use walrus_contracts::types::NodeMetadata;
use walrus_core::{
    BlobId, BlobPersistence, EncodingType, Epoch, FROST_PER_WAL, Frost, NShards, NetworkKeyPair,
    ObjectId, ProtocolCertificate, ProtocolKeyPair, SignedMessage,
    merkle::Node,
    messages::{ConfirmationBody, MessageBody},
};
use walrus_deploy::{DeployConfig, Deployer, Deployment, NodeToRegister};
use walrus_sui::{
    Committee, Signer, SuiReader, SuiRpc, WalrusContract,
    contract::{BlobToRegister, Lifetime, NodeVotes, StorageSource},
    ids::account_address,
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

/// The account that deploys and owns all WAL that is not the user's or staked.
pub fn admin() -> Signer {
    Signer::from_seed([1; 32])
}

/// An account with SUI and WAL.
pub fn user() -> Signer {
    Signer::from_seed([2; 32])
}

/// An account with SUI but without WAL.
pub fn pauper() -> Signer {
    Signer::from_seed([3; 32])
}

/// Account of the operator of node `index`.
pub fn operator(index: u8) -> Signer {
    Signer::from_seed([100 + index; 32])
}

/// Key of the signed messages of node `index`.
pub fn protocol_key(index: u8) -> ProtocolKeyPair {
    ProtocolKeyPair::from_seed([100 + index; 32])
}

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
    /// Starts a chain, deploys, registers `nodes` nodes with equal stake, and completes the change to epoch 1.
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

    /// Registers a permanent blob of `length` bytes for two epochs; `seed` makes it differ from others.
    pub async fn register(&self, seed: u8, length: u64) -> walrus_contracts::types::Blob {
        self.register_as(seed, length, Lifetime::Permanent).await
    }

    /// Registers a blob of `length` bytes for two epochs.
    pub async fn register_as(
        &self,
        seed: u8,
        length: u64,
        lifetime: Lifetime,
    ) -> walrus_contracts::types::Blob {
        let request = blob_to_register(seed, length, lifetime, StorageSource::Buy(2));
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
    lifetime: Lifetime,
    storage: StorageSource,
) -> BlobToRegister {
    let root = Node::Digest([seed; 32]);
    BlobToRegister {
        blob_id: BlobId::derive(EncodingType::Rs2, length, &root),
        root_hash: *root.as_bytes(),
        unencoded_length: length,
        encoding_type: EncodingType::Rs2,
        lifetime,
        storage,
    }
}

/// What nodes sign to confirm that they store a permanent blob.
pub fn permanent(blob_id: BlobId) -> ConfirmationBody {
    ConfirmationBody {
        blob_id,
        persistence: BlobPersistence::Permanent,
    }
}

/// What nodes sign to confirm that they store a deletable blob.
pub fn deletable(blob_id: BlobId, object_id: ObjectId) -> ConfirmationBody {
    ConfirmationBody {
        blob_id,
        persistence: BlobPersistence::Deletable { object_id },
    }
}

/// The certificate that the committee members with the given positions make for `body`.
pub fn certificate<T: MessageBody + Clone>(
    committee: &Committee,
    signers: impl IntoIterator<Item = u16>,
    epoch: Epoch,
    body: &T,
) -> ProtocolCertificate {
    let signed = signers.into_iter().map(|index| {
        let member = &committee.members[usize::from(index)];
        let message: SignedMessage<T> = key_of(member.public_key).sign_message(epoch, body.clone());
        (index, message)
    });
    ProtocolCertificate::aggregate(signed).expect("equal messages can be aggregated")
}

/// The key pair of the node with this public key.
fn key_of(public: walrus_core::ProtocolPublicKey) -> ProtocolKeyPair {
    (0..=100)
        .map(protocol_key)
        .find(|key| key.public() == public)
        .expect("all nodes have keys made from their index")
}

fn node_to_register(index: u8) -> NodeToRegister {
    NodeToRegister {
        operator: operator(index),
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
    }
}
