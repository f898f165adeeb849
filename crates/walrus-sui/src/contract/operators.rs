//! What the operator of a node changes about it.

use walrus_contracts::types::{Authorized, NodeMetadata};
use walrus_core::{Frost, NetworkPublicKey, ObjectId, ProtocolPublicKey, ProtocolSignature};

use super::{
    call::{Call, Proof, authorized},
    nodes::{VoteChanges, check_commission_rate, check_name, check_network_address, new_metadata},
};
use crate::{error::SuiError, ptb::Ptb, transaction::Argument};

/// What a node says anew about itself; what is `None` stays.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct NodeChanges {
    /// Name, at most 100 bytes.
    pub name: Option<String>,
    /// `host:port` of its API, at most 259 bytes.
    pub network_address: Option<String>,
    /// Key of its TLS certificate.
    pub network_public_key: Option<NetworkPublicKey>,
    /// Description for people, all of it.
    pub metadata: Option<NodeMetadata>,
}

impl NodeChanges {
    /// Checks what the contract would refuse with less explanation.
    pub fn check(&self) -> Result<(), SuiError> {
        if let Some(name) = &self.name {
            check_name(name)?;
        }
        if let Some(address) = &self.network_address {
            check_network_address(address)?;
        }
        Ok(())
    }
}

/// A right over a node that can be handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeRight {
    /// To collect the commission.
    Commission,
    /// To vote for the node in governance.
    Governance,
}

impl Call {
    /// Changes the votes of the node of `node_cap`.
    ///
    /// Price votes count when prices are updated next ([`Call::update_prices`], or the next epoch),
    /// the capacity when the next voting ends.
    pub fn set_votes(node_cap: ObjectId, votes: VoteChanges) -> Self {
        Self::free(move |ptb| {
            let votes = [
                (
                    "set_storage_price_vote",
                    votes.storage_price.map(|price| price.0),
                ),
                (
                    "set_write_price_vote",
                    votes.write_price.map(|price| price.0),
                ),
                ("set_node_capacity_vote", votes.node_capacity),
            ];
            for (function, value) in votes {
                if let Some(value) = value {
                    let value = ptb.pure(&value);
                    set(ptb, node_cap, function, value);
                }
            }
        })
    }

    /// Sets the commission rate, in hundredths of a percent, from two epochs later on.
    pub fn set_commission_rate(node_cap: ObjectId, rate: u16) -> Result<Self, SuiError> {
        check_commission_rate(rate)?;
        Ok(Self::free(move |ptb| {
            let rate = ptb.pure(&rate);
            set(ptb, node_cap, "set_next_commission", rate);
        }))
    }

    /// Changes what a node says about itself, at once.
    pub fn set_node_info(node_cap: ObjectId, changes: NodeChanges) -> Result<Self, SuiError> {
        changes.check()?;
        Ok(Self::free(move |ptb| {
            if let Some(name) = &changes.name {
                let name = ptb.pure(name);
                set(ptb, node_cap, "set_name", name);
            }
            if let Some(address) = &changes.network_address {
                let address = ptb.pure(address);
                set(ptb, node_cap, "set_network_address", address);
            }
            if let Some(key) = &changes.network_public_key {
                let key = ptb.bytes(&key.0);
                set(ptb, node_cap, "set_network_public_key", key);
            }
            if let Some(metadata) = &changes.metadata {
                let metadata = new_metadata(ptb, metadata);
                set(ptb, node_cap, "set_node_metadata", metadata);
            }
        }))
    }

    /// Sets the key with which the node signs from the next committee on. The proof must be of the
    /// current epoch and of the sender.
    pub fn rotate_key(
        node_cap: ObjectId,
        public_key: ProtocolPublicKey,
        proof_of_possession: ProtocolSignature,
    ) -> Self {
        Self::free(move |ptb| {
            let arguments = vec![
                ptb.staking(),
                ptb.owned(node_cap),
                ptb.bytes(&public_key.0),
                ptb.bytes(&proof_of_possession.0),
            ];
            ptb.call("staking", "set_next_public_key", arguments);
        })
    }

    /// Pays the commission of a node that is collectable out to the sender.
    pub fn collect_commission(node_id: ObjectId, proof: Proof) -> Self {
        Self::new(move |ptb, _, sender| {
            let proof = proof.add(ptb);
            let arguments = vec![ptb.staking(), ptb.raw32(node_id.0), proof];
            let coin = ptb.call("staking", "collect_commission", arguments);
            ptb.transfer(vec![coin], sender);
            Ok(Frost(0))
        })
    }

    /// Hands a right over a node on, at once and without the receiver's consent.
    pub fn authorize(node_id: ObjectId, right: NodeRight, proof: Proof, to: Authorized) -> Self {
        Self::free(move |ptb| {
            let function = match right {
                NodeRight::Commission => "set_commission_receiver",
                NodeRight::Governance => "set_governance_authorized",
            };
            let proof = proof.add(ptb);
            let receiver = authorized(ptb, to);
            let arguments = vec![ptb.staking(), ptb.raw32(node_id.0), proof, receiver];
            ptb.call("staking", function, arguments);
        })
    }
}

fn set(ptb: &mut Ptb<'_>, node_cap: ObjectId, function: &'static str, value: Argument) {
    let arguments = vec![ptb.staking(), ptb.owned(node_cap), value];
    ptb.call("staking", function, arguments);
}
