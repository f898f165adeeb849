//! Many nodes at once: registration and the first stake.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use walrus_contracts::types::StorageNodeCap;
use walrus_core::{Frost, ObjectId, SuiAddress};
use walrus_sui::{Signer, SuiReader, WalrusContract, contract::NodeDescription};

use crate::error::AdminError;

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
) -> Result<Vec<OperatedNode>, AdminError> {
    futures::stream::iter(nodes)
        .map(|node| register_node(reader, node))
        .buffered(CONCURRENT_REGISTRATIONS_MAX)
        .try_collect()
        .await
}

async fn register_node(
    reader: &SuiReader,
    node: &NodeToRegister,
) -> Result<OperatedNode, AdminError> {
    let contract = WalrusContract::new(reader.clone(), node.operator.clone());
    let cap = contract
        .ensure_registered(&node.node)
        .await
        .map_err(|cause| AdminError::Register {
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
) -> Result<(), AdminError> {
    let failed = |error| AdminError::FirstEpoch(Box::new(error));
    let reader = contract.reader();
    reader.refresh().await;
    let info = reader.epoch_info().await.map_err(failed)?;
    if info.epoch > 0 {
        return Ok(());
    }
    if stakes.is_empty() {
        return Err(AdminError::NoStake);
    }
    while reader.rpc().clock_ms().await.map_err(failed)? < info.first_epoch_start_ms {
        tokio::time::sleep(CLOCK_POLL_DELAY).await;
    }
    contract.end_epoch_zero(stakes).await.map_err(failed)?;
    Ok(())
}
