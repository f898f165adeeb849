//! Registering storage nodes.

use std::path::{Path, PathBuf};

use futures::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use walrus_contracts::types::NodeMetadata;
use walrus_core::{Epoch, Frost, NetworkKeyPair, ProtocolKeyPair};
use walrus_sui::{
    Signer, SuiReader, Wallet, WalrusContract,
    contract::{NodeDescription, NodeVotes},
    fleet::{self, NodeToRegister},
};

use crate::{
    deployer::Deployer,
    error::{DeployError, Step as _},
    plan::{DeployPlan, Gas, PlannedStep},
    state::{NodeRecord, io_error},
};

/// Nodes attested for at the same time. Each has its own account, so they do not disturb each
/// other.
const CONCURRENT_ATTESTATIONS_MAX: usize = 16;

impl Deployer {
    /// Registers nodes that are not registered yet; returns records in the order of `nodes`.
    ///
    /// A node counts as registered if its operator owns the capability of a pool with its protocol
    /// key.
    pub async fn register_nodes(
        &mut self,
        nodes: &[NodeToRegister],
    ) -> Result<Vec<NodeRecord>, DeployError> {
        let reader = self.reader()?;
        let registered = fleet::register_nodes(&reader, nodes).await?;
        let records = registered.into_iter().map(|node| NodeRecord {
            name: node.name,
            node_id: node.node_id,
            node_cap: node.cap.id,
            operator: node.operator,
        });
        let records: Vec<NodeRecord> = records.collect();
        let known = &mut self.progress_mut().nodes;
        for record in &records {
            if !known.iter().any(|old| old.node_id == record.node_id) {
                known.push(record.clone());
            }
        }
        self.save()?;
        Ok(records)
    }

    /// What [`Deployer::register_nodes`] would do.
    pub async fn plan_registration(
        &self,
        nodes: &[NodeToRegister],
    ) -> Result<DeployPlan, DeployError> {
        let reader = self.reader()?;
        let mut steps = Vec::new();
        for node in nodes {
            let step = format!("registering node {:?}", node.node.name);
            let key = node.node.protocol_key.public();
            let known = reader
                .find_node_cap(node.operator.address(), key)
                .await
                .step(&step)?
                .is_some();
            steps.push(if known {
                PlannedStep::done(step)
            } else {
                PlannedStep::to_do(step, Gas::Unknown)
            });
        }
        Ok(DeployPlan { steps })
    }

    /// Attests for every node that its shards of `epoch` are in place. For networks whose nodes
    /// hold no data yet, as in epoch 1; running nodes do it by themselves.
    pub async fn attest_epoch_sync(
        &self,
        operators: &[Signer],
        epoch: Epoch,
    ) -> Result<(), DeployError> {
        let reader = self.reader()?;
        futures::stream::iter(self.nodes())
            .map(|node| attest(&reader, operators, node, epoch))
            .buffer_unordered(CONCURRENT_ATTESTATIONS_MAX)
            .try_collect()
            .await
    }
}

async fn attest(
    reader: &SuiReader,
    operators: &[Signer],
    node: &NodeRecord,
    epoch: Epoch,
) -> Result<(), DeployError> {
    let step = format!("attesting for node {:?}", node.name);
    let signer = operators
        .iter()
        .find(|signer| signer.address() == node.operator)
        .ok_or_else(|| {
            DeployError::NotReady(format!("{step}: the key of {} is missing", node.operator))
        })?;
    if reader
        .node_cap(node.node_cap)
        .await
        .step(&step)?
        .last_epoch_sync_done
        >= epoch
    {
        return Ok(());
    }
    WalrusContract::new(reader.clone(), signer.clone())
        .epoch_sync_done(node.node_cap, epoch)
        .await
        .step(step)?;
    Ok(())
}

/// A file that describes a node to register. Paths count from the directory of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeParams {
    /// Name of the node.
    pub name: String,
    /// `host:port` of its API.
    pub network_address: String,
    /// Wallet of the operator.
    pub wallet_path: PathBuf,
    /// Key file of its signed messages.
    pub protocol_key_path: PathBuf,
    /// Key file of its TLS certificate.
    pub network_key_path: PathBuf,
    /// Its share of rewards, in hundredths of a percent.
    #[serde(default)]
    pub commission_rate: u16,
    /// Vote on the price of storing one unit for one epoch, in FROST.
    pub storage_price: u64,
    /// Vote on the price of writing one unit, in FROST.
    pub write_price: u64,
    /// Capacity of the node, in bytes.
    pub node_capacity: u64,
    /// Description for people.
    #[serde(default)]
    pub description: String,
}

impl NodeParams {
    /// Reads the file at `path` and the keys it names.
    pub fn load(path: &Path) -> Result<NodeToRegister, DeployError> {
        let text = read(path)?;
        let params: Self =
            serde_saphyr::from_str(&text).map_err(|error| DeployError::InvalidFile {
                path: path.to_owned(),
                reason: error
                    .to_string()
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            })?;
        let directory = path.parent().unwrap_or(Path::new("."));
        let protocol_path = directory.join(&params.protocol_key_path);
        let protocol_key = ProtocolKeyPair::from_key_file(&read(&protocol_path)?)
            .map_err(|error| invalid(&protocol_path, error))?;
        let network_path = directory.join(&params.network_key_path);
        let network_key = NetworkKeyPair::from_key_file(&read(&network_path)?)
            .map_err(|error| invalid(&network_path, error))?;
        let wallet = Wallet::load(directory.join(&params.wallet_path))?;
        let node = NodeDescription {
            name: params.name,
            network_address: params.network_address,
            metadata: NodeMetadata {
                description: params.description,
                ..NodeMetadata::default()
            },
            protocol_key,
            network_public_key: network_key.public(),
            commission_rate: params.commission_rate,
            votes: NodeVotes {
                storage_price: Frost(params.storage_price),
                write_price: Frost(params.write_price),
                node_capacity: params.node_capacity,
            },
        };
        Ok(NodeToRegister {
            operator: wallet.active_signer()?,
            node,
        })
    }
}

fn read(path: &Path) -> Result<String, DeployError> {
    std::fs::read_to_string(path).map_err(|cause| io_error(path, cause))
}

fn invalid(path: &Path, error: impl std::fmt::Display) -> DeployError {
    DeployError::InvalidFile {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
