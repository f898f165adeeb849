//! Registration and votes of storage nodes.

use walrus_contracts::types::{NodeMetadata, StorageNodeCap};
use walrus_core::{
    Frost, NetworkPublicKey, ObjectId, ProtocolKeyPair, ProtocolPublicKey, ProtocolSignature,
};

use super::WalrusContract;
use crate::{TransactionDigest, error::SuiError, ptb::Ptb};

/// Hundredths of a percent in the whole: the largest commission rate.
const COMMISSION_RATE_MAX: u16 = 10_000;
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
    /// Proof that the registering account knows the secret; see [`WalrusContract::prove_possession`].
    pub proof_of_possession: ProtocolSignature,
    /// Key of its TLS certificate.
    pub network_public_key: NetworkPublicKey,
    /// Its share of rewards, in hundredths of a percent.
    pub commission_rate: u16,
    /// Its first votes.
    pub votes: NodeVotes,
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

impl WalrusContract {
    /// Signs the proof that lets this account register `key` in the current epoch.
    pub async fn prove_possession(
        &self,
        key: &ProtocolKeyPair,
    ) -> Result<ProtocolSignature, SuiError> {
        // A proof of a past epoch is worthless.
        self.reader().refresh().await;
        let epoch = self.reader().contract_state().await?.epoch();
        Ok(key.proof_of_possession(epoch, self.address()).signature)
    }

    /// Registers a node. It joins a committee only when enough is staked with it.
    pub async fn register_candidate(
        &self,
        node: &NodeRegistration,
    ) -> Result<RegisteredNode, SuiError> {
        node.check()?;
        let owner = self.address();
        let paid = self
            .run(|ptb, _| {
                let cap = register(ptb, node);
                ptb.transfer(vec![cap], owner);
                Ok(Frost(0))
            })
            .await?;
        let cap = paid
            .executed
            .only_created("storage_node", "StorageNodeCap")?;
        let cap = self.reader().node_cap(cap).await?;
        Ok(RegisteredNode {
            node_id: cap.node_id,
            cap,
            digest: paid.executed.digest,
        })
    }

    /// Changes the votes of a node. Prices take effect with the next [`WalrusContract::update_prices`] or epoch.
    pub async fn set_votes(
        &self,
        node_cap: ObjectId,
        votes: NodeVotes,
    ) -> Result<TransactionDigest, SuiError> {
        let paid = self
            .run(|ptb, _| {
                for (function, value) in [
                    ("set_storage_price_vote", votes.storage_price.0),
                    ("set_write_price_vote", votes.write_price.0),
                    ("set_node_capacity_vote", votes.node_capacity),
                ] {
                    let arguments = vec![ptb.staking(), ptb.object(node_cap), ptb.pure(&value)];
                    ptb.call("staking", function, arguments);
                }
                Ok(Frost(0))
            })
            .await?;
        Ok(paid.executed.digest)
    }

    /// Computes prices from the votes of the current committee.
    pub async fn update_prices(&self) -> Result<TransactionDigest, SuiError> {
        let paid = self
            .run(|ptb, _| {
                let arguments = vec![ptb.staking(), ptb.system()];
                ptb.call("staking", "update_prices", arguments);
                Ok(Frost(0))
            })
            .await?;
        self.reader().refresh().await;
        Ok(paid.executed.digest)
    }
}

impl NodeRegistration {
    /// Checks what the contract would refuse with less explanation.
    fn check(&self) -> Result<(), SuiError> {
        let error = |text: String| Err(SuiError::InvalidInput(text));
        if self.name.len() > NAME_LENGTH_MAX {
            return error(format!(
                "the node name is longer than {NAME_LENGTH_MAX} bytes"
            ));
        }
        if self.network_address.len() > NETWORK_ADDRESS_LENGTH_MAX {
            return error(format!(
                "the network address is longer than {NETWORK_ADDRESS_LENGTH_MAX} bytes"
            ));
        }
        if self.commission_rate > COMMISSION_RATE_MAX {
            return error(format!(
                "the commission rate {} is above {COMMISSION_RATE_MAX} hundredths of a percent",
                self.commission_rate
            ));
        }
        Ok(())
    }
}

fn register(ptb: &mut Ptb<'_>, node: &NodeRegistration) -> sui_transaction_builder::Argument {
    let description = vec![
        ptb.pure(&node.metadata.image_url),
        ptb.pure(&node.metadata.project_url),
        ptb.pure(&node.metadata.description),
    ];
    let metadata = ptb.call("node_metadata", "new", description);
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
