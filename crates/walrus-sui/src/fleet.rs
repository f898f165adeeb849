//! Many nodes at once: registration and the first stake. Every step looks first whether it was
//! done, so that it can be repeated.
//!
//! ```no_run
//! # async fn example(
//! #     reader: walrus_sui::SuiReader,
//! #     signer: walrus_sui::Signer,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! use walrus_core::Frost;
//! use walrus_sui::{
//!     WalrusContract,
//!     fleet::{NodeToRegister, register_nodes, start_first_epoch},
//! };
//!
//! let nodes: Vec<NodeToRegister> = Vec::new();
//! let registered = register_nodes(&reader, &nodes).await?;
//! let stake = Frost(1_000_000_000_000);
//! let stakes: Vec<_> = registered.iter().map(|node| (node.node_id, stake)).collect();
//! start_first_epoch(&WalrusContract::new(reader, signer), &stakes).await?;
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use walrus_contracts::types::StorageNodeCap;
use walrus_core::{Frost, ObjectId, SuiAddress};

use crate::{
    contract::{NodeDescription, WalrusContract},
    error::SuiError,
    reader::SuiReader,
    signer::Signer,
};

/// What could not be done with many nodes.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// A node could not be registered.
    #[error("cannot register node {name:?}: {cause}")]
    Register {
        /// Name of the node.
        name: String,
        /// What happened.
        cause: Box<SuiError>,
    },
    /// Epoch 1 could not be started.
    #[error("cannot start epoch 1: {0}")]
    FirstEpoch(Box<SuiError>),
    /// There is no committee without stake.
    #[error(
        "no storage node is registered, or nothing is staked; without stake there is no committee"
    )]
    NoStake,
}

/// Nodes registered at the same time. Each has its own account, so they do not disturb each other.
const CONCURRENT_REGISTRATIONS_MAX: usize = 16;
/// Delay between two looks at the chain's clock while epoch 0 lasts.
const CLOCK_POLL_DELAY: Duration = Duration::from_millis(100);

/// A node to register, and the account that will operate it.
#[derive(Debug)]
pub struct NodeToRegister {
    /// Account of the operator: pays for gas and receives the capability.
    pub operator: Signer,
    /// The node.
    pub node: NodeDescription,
}

/// A registered node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatedNode {
    /// Its name.
    pub name: String,
    /// Its ID.
    pub node_id: ObjectId,
    /// The capability with which its operator acts.
    pub cap: StorageNodeCap,
    /// The account that owns the capability.
    pub operator: SuiAddress,
}

/// Registers nodes that are not registered yet; returns all of them, in the order of `nodes`.
///
/// A node counts as registered if its operator owns the capability of a pool with its protocol key.
pub async fn register_nodes(
    reader: &SuiReader,
    nodes: &[NodeToRegister],
) -> Result<Vec<OperatedNode>, FleetError> {
    futures::stream::iter(nodes)
        .map(|node| register_node(reader, node))
        .buffered(CONCURRENT_REGISTRATIONS_MAX)
        .try_collect()
        .await
}

async fn register_node(
    reader: &SuiReader,
    node: &NodeToRegister,
) -> Result<OperatedNode, FleetError> {
    let contract = WalrusContract::new(reader.clone(), node.operator.clone());
    let cap = contract
        .ensure_registered(&node.node)
        .await
        .map_err(|cause| FleetError::Register {
            name: node.node.name.clone(),
            cause: Box::new(cause),
        })?;
    Ok(OperatedNode {
        name: node.node.name.clone(),
        node_id: cap.node_id,
        cap,
        operator: node.operator.address(),
    })
}

/// Stakes with nodes, selects the first committee and starts epoch 1, unless it has started. Waits
/// until epoch 0 may end.
///
/// The epoch is complete when the nodes of a quorum of shards have attested that they are ready,
/// which running nodes do by themselves.
pub async fn start_first_epoch(
    contract: &WalrusContract,
    stakes: &[(ObjectId, Frost)],
) -> Result<(), FleetError> {
    let failed = |error| FleetError::FirstEpoch(Box::new(error));
    let reader = contract.reader();
    reader.refresh().await;
    let info = reader.epoch_info().await.map_err(failed)?;
    if info.epoch > 0 {
        return Ok(());
    }
    if stakes.is_empty() {
        return Err(FleetError::NoStake);
    }
    while reader.rpc().clock_ms().await.map_err(failed)? < info.first_epoch_start_ms {
        tokio::time::sleep(CLOCK_POLL_DELAY).await;
    }
    contract.end_epoch_zero(stakes).await.map_err(failed)?;
    Ok(())
}
