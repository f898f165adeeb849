//! What every history begins with: contracts on a chain, registered nodes, users with money. Made
//! once.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use sui_localnet::{EmbeddedChain, Snapshot};
use walrus_contracts::types::NodeMetadata;
use walrus_core::{FROST_PER_WAL, Frost, NShards, NetworkKeyPair, ObjectId, ProtocolKeyPair};
use walrus_deploy::{DeployConfig, Deployer, Deployment};
use walrus_sui::{
    Signer,
    contract::{NodeDescription, NodeVotes},
    fleet::NodeToRegister,
    ids::account_address,
};

use crate::{chain::ChainLink, trace::Trace};

/// Shards of the network: seven nodes have at least one, four have at most the four that may fail.
pub(crate) const SHARDS: u16 = 13;
/// Nodes that are registered. Each history has some of them.
pub(crate) const NODES_MAX: u8 = 7;
/// Accounts that store blobs.
pub(crate) const USERS: u8 = 3;
/// How long an epoch lasts.
pub(crate) const EPOCH_DURATION: Duration = Duration::from_secs(90);
/// Storage can be bought for this many epochs ahead.
pub(crate) const EPOCHS_AHEAD_MAX: u32 = 20;
/// SUI of every account at genesis, in MIST.
const GENESIS_MIST: u64 = 100_000_000_000_000;
/// WAL of every user and of every operator, in FROST.
const USER_WAL: Frost = Frost(1_000_000 * FROST_PER_WAL);
/// What every node votes for.
const VOTES: NodeVotes = NodeVotes {
    storage_price: Frost(5),
    write_price: Frost(1),
    node_capacity: 1_000_000_000_000,
};
/// When the first network was made: a fixed day, so that genesis is always the same.
const BEGAN_SECS: u64 = 1_900_000_000;

/// A network in epoch 0 that any number of histories go on from.
pub(crate) struct Base {
    pub(crate) snapshot: Snapshot,
    pub(crate) deployment: Deployment,
    pub(crate) nodes: Vec<RegisteredNode>,
}

/// A node as the chain knows it.
#[derive(Debug, Clone)]
pub(crate) struct RegisteredNode {
    pub(crate) node_id: ObjectId,
    pub(crate) node_cap: ObjectId,
}

/// The account that has deployed the contracts and holds all other WAL.
pub(crate) fn admin() -> Signer {
    Signer::from_seed([1; 32])
}

/// The account of a user.
pub(crate) fn user(index: u8) -> Signer {
    Signer::from_seed([50 + index; 32])
}

/// The account that operates a node.
pub(crate) fn operator(index: u8) -> Signer {
    Signer::from_seed([100 + index; 32])
}

/// The key a node signs with: the first one, or one that has replaced another.
pub(crate) fn protocol_key(index: u8, generation: u8) -> ProtocolKeyPair {
    let mut seed = [150 + index; 32];
    seed[0] = seed[0].wrapping_add(generation);
    ProtocolKeyPair::from_seed(seed)
}

/// The key of a node's certificate.
pub(crate) fn network_key(index: u8) -> NetworkKeyPair {
    NetworkKeyPair::from_seed([200 + index; 32])
}

/// The machine of a node.
pub(crate) fn node_ip(index: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, 1 + index).into()
}

/// Where a node serves.
pub(crate) fn node_address(index: u8) -> SocketAddr {
    (node_ip(index), 9185).into()
}

/// The machine of a user.
pub(crate) fn user_ip(index: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 1, 1 + index).into()
}

/// The time of day at which the base is made; histories begin an hour later.
pub(crate) fn began() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(BEGAN_SECS)
}

impl Base {
    /// Deploys and registers. Call it in a simulation.
    pub(crate) async fn create() -> anyhow::Result<Self> {
        let operators = (0..NODES_MAX).map(operator);
        let users = (0..USERS).map(user);
        let signers = [admin()].into_iter().chain(operators).chain(users);
        let accounts: Vec<_> = signers
            .map(|signer| (account_address(signer.address()), GENESIS_MIST))
            .collect();
        let chain = EmbeddedChain::create(&accounts).await?;
        let link = ChainLink::new(chain.services(), "admin".to_owned(), 0, Trace::new(false));
        let mut deployer = Deployer::open(link.rpc()?, admin(), None).await?;
        let config = DeployConfig {
            n_shards: NShards::new(SHARDS).context("there are shards")?,
            epoch_zero_duration: Duration::ZERO,
            epoch_duration: EPOCH_DURATION,
            max_epochs_ahead: EPOCHS_AHEAD_MAX,
        };
        let deployment = deployer.deploy(&config).await?;
        let nodes: Vec<_> = (0..NODES_MAX).map(node_to_register).collect();
        deployer.register_nodes(&nodes).await?;
        let wal = deployer.reader()?.wal_type().await?;
        let accounts = (0..USERS).map(user).chain((0..NODES_MAX).map(operator));
        let payments: Vec<_> = accounts
            .map(|signer| (signer.address(), USER_WAL))
            .collect();
        deployer.executor().send_wal(&wal, &payments).await?;
        let nodes = deployer.nodes().iter().map(|node| RegisteredNode {
            node_id: node.node_id,
            node_cap: node.node_cap,
        });
        Ok(Self {
            nodes: nodes.collect(),
            snapshot: chain.snapshot().await?,
            deployment,
        })
    }
}

fn node_to_register(index: u8) -> NodeToRegister {
    NodeToRegister {
        operator: operator(index),
        node: NodeDescription {
            name: format!("node-{index}"),
            network_address: node_address(index).to_string(),
            metadata: NodeMetadata::default(),
            protocol_key: protocol_key(index, 0),
            network_public_key: network_key(index).public(),
            commission_rate: 1_000,
            votes: VOTES,
        },
    }
}
