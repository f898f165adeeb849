//! Registration of storage nodes.

use walrus_contracts::types::{NodeMetadata, StorageNodeCap};
use walrus_core::{
    Frost, NetworkPublicKey, ObjectId, ProtocolKeyPair, ProtocolPublicKey, ProtocolSignature,
    SuiAddress,
};

use super::{WalrusContract, call::Call};
use crate::{
    TransactionDigest, error::SuiError, executor::Executed, ptb::Ptb, reader::SuiReader,
    transaction::Argument,
};

/// Hundredths of a percent in the whole: the largest commission rate.
pub const COMMISSION_RATE_MAX: u16 = 10_000;
/// Limits of the contract, in bytes.
const NAME_LENGTH_MAX: usize = 100;
const NETWORK_ADDRESS_LENGTH_MAX: usize = 259;

/// What a node votes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeVotes {
    /// Price of storing one unit for one epoch.
    pub storage_price: Frost,
    /// Price of writing one unit.
    pub write_price: Frost,
    /// Capacity of this node, in bytes.
    pub node_capacity: u64,
}

/// New votes of a node; those that are `None` stay.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct VoteChanges {
    /// Price of storing one unit for one epoch.
    pub storage_price: Option<Frost>,
    /// Price of writing one unit.
    pub write_price: Option<Frost>,
    /// Capacity of the node, in bytes.
    pub node_capacity: Option<u64>,
}

/// What a node publishes about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRegistration {
    /// Name, at most 100 bytes.
    pub name: String,
    /// `host:port` of its API, at most 259 bytes.
    pub network_address: String,
    /// Description for people.
    pub metadata: NodeMetadata,
    /// Key that verifies its signed messages.
    pub public_key: ProtocolPublicKey,
    /// Proof that the registering account knows the secret; see [`SuiReader::prove_possession`].
    pub proof_of_possession: ProtocolSignature,
    /// Key of its TLS certificate.
    pub network_public_key: NetworkPublicKey,
    /// Its share of rewards, in hundredths of a percent.
    pub commission_rate: u16,
    /// Its first votes.
    pub votes: NodeVotes,
}

/// A node to register, with the key that proves it is ours.
#[derive(Debug)]
pub struct NodeDescription {
    /// Name, at most 100 bytes.
    pub name: String,
    /// `host:port` of its API, at most 259 bytes.
    pub network_address: String,
    /// Description for people.
    pub metadata: NodeMetadata,
    /// Key of its signed messages.
    pub protocol_key: ProtocolKeyPair,
    /// Key of its TLS certificate.
    pub network_public_key: NetworkPublicKey,
    /// Its share of rewards, in hundredths of a percent.
    pub commission_rate: u16,
    /// Its first votes.
    pub votes: NodeVotes,
}

impl NodeDescription {
    /// The registration that `sender` can make in the current epoch.
    pub async fn registration(
        &self,
        reader: &SuiReader,
        sender: SuiAddress,
    ) -> Result<NodeRegistration, SuiError> {
        Ok(NodeRegistration {
            name: self.name.clone(),
            network_address: self.network_address.clone(),
            metadata: self.metadata.clone(),
            public_key: self.protocol_key.public(),
            proof_of_possession: reader.prove_possession(&self.protocol_key, sender).await?,
            network_public_key: self.network_public_key,
            commission_rate: self.commission_rate,
            votes: self.votes,
        })
    }
}

/// A node that was just registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredNode {
    /// Its ID.
    pub node_id: ObjectId,
    /// The capability with which its operator acts.
    pub cap: StorageNodeCap,
    /// The transaction.
    pub digest: TransactionDigest,
}

impl Call {
    /// Registers a node; the sender gets its capability. It joins a committee only when enough is
    /// staked with it.
    pub fn register_node(node: NodeRegistration) -> Result<Self, SuiError> {
        node.check()?;
        Ok(Self::new(move |ptb, _, sender| {
            let cap = register(ptb, &node);
            ptb.transfer(vec![cap], sender);
            Ok(Frost(0))
        }))
    }
}

impl WalrusContract {
    /// Signs the proof that lets this account register `key` in the current epoch.
    pub async fn prove_possession(
        &self,
        key: &ProtocolKeyPair,
    ) -> Result<ProtocolSignature, SuiError> {
        self.reader().prove_possession(key, self.address()).await
    }

    /// Registers a node. It joins a committee only when enough is staked with it.
    pub async fn register_candidate(
        &self,
        node: &NodeRegistration,
    ) -> Result<RegisteredNode, SuiError> {
        let executed = self.execute(&Call::register_node(node.clone())?).await?;
        self.registered_node(&executed).await
    }

    /// Registers a node unless this account did before: a node counts as registered when the
    /// account owns the capability of a pool with its protocol key. So a run that was interrupted
    /// can be repeated.
    pub async fn ensure_registered(
        &self,
        node: &NodeDescription,
    ) -> Result<StorageNodeCap, SuiError> {
        let key = node.protocol_key.public();
        if let Some(cap) = self.reader().find_node_cap(self.address(), key).await? {
            return Ok(cap);
        }
        let registration = node.registration(self.reader(), self.address()).await?;
        let registered = self.register_candidate(&registration).await?;
        tracing::info!(name = node.name, node_id = %registered.node_id, "registered a storage node");
        Ok(registered.cap)
    }

    /// The node that a transaction with [`Call::register_node`] registered.
    pub async fn registered_node(&self, executed: &Executed) -> Result<RegisteredNode, SuiError> {
        let cap = executed.only_created("storage_node", "StorageNodeCap")?;
        let cap = self.reader().node_cap(cap).await?;
        Ok(RegisteredNode {
            node_id: cap.node_id,
            cap,
            digest: executed.digest,
        })
    }

    /// Changes the votes of a node. Prices take effect with the next
    /// [`WalrusContract::update_prices`] or epoch.
    pub async fn set_votes(
        &self,
        node_cap: ObjectId,
        votes: NodeVotes,
    ) -> Result<TransactionDigest, SuiError> {
        let votes = VoteChanges {
            storage_price: Some(votes.storage_price),
            write_price: Some(votes.write_price),
            node_capacity: Some(votes.node_capacity),
        };
        Ok(self
            .execute(&Call::set_votes(node_cap, votes))
            .await?
            .digest)
    }
}

impl NodeRegistration {
    /// Checks what the contract would refuse with less explanation.
    fn check(&self) -> Result<(), SuiError> {
        check_name(&self.name)?;
        check_network_address(&self.network_address)?;
        check_commission_rate(self.commission_rate)
    }
}

pub(super) fn check_name(name: &str) -> Result<(), SuiError> {
    if name.len() <= NAME_LENGTH_MAX {
        return Ok(());
    }
    Err(SuiError::InvalidInput(format!(
        "the node name is longer than {NAME_LENGTH_MAX} bytes"
    )))
}

pub(super) fn check_network_address(address: &str) -> Result<(), SuiError> {
    if address.len() <= NETWORK_ADDRESS_LENGTH_MAX {
        return Ok(());
    }
    Err(SuiError::InvalidInput(format!(
        "the network address is longer than {NETWORK_ADDRESS_LENGTH_MAX} bytes"
    )))
}

pub(super) fn check_commission_rate(rate: u16) -> Result<(), SuiError> {
    if rate <= COMMISSION_RATE_MAX {
        return Ok(());
    }
    Err(SuiError::InvalidInput(format!(
        "the commission rate {rate} is above {COMMISSION_RATE_MAX} hundredths of a percent"
    )))
}

/// Adds `NodeMetadata`.
pub(super) fn new_metadata(ptb: &mut Ptb<'_>, metadata: &NodeMetadata) -> Argument {
    let description = vec![
        ptb.pure(&metadata.image_url),
        ptb.pure(&metadata.project_url),
        ptb.pure(&metadata.description),
    ];
    let object = ptb.call("node_metadata", "new", description);
    if !metadata.extra_fields.is_empty() {
        let fields = ptb.string_map(metadata.extra_fields.iter());
        ptb.call("node_metadata", "set_extra_fields", vec![object, fields]);
    }
    object
}

fn register(ptb: &mut Ptb<'_>, node: &NodeRegistration) -> Argument {
    let metadata = new_metadata(ptb, &node.metadata);
    let arguments = vec![
        ptb.staking(),
        ptb.pure(&node.name),
        ptb.pure(&node.network_address),
        metadata,
        ptb.bytes(&node.public_key.0),
        ptb.bytes(&node.network_public_key.0),
        ptb.bytes(&node.proof_of_possession.0),
        ptb.pure(&node.commission_rate),
        ptb.pure(&node.votes.storage_price.0),
        ptb.pure(&node.votes.write_price.0),
        ptb.pure(&node.votes.node_capacity),
    ];
    ptb.call("staking", "register_candidate", arguments)
}
