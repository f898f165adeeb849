//! What operators, stakers and users do most.

use walrus_contracts::types::StorageNodeCap;
use walrus_core::{EncodingType, ObjectId, SuiAddress};

use super::{Argument, BlobSpec, Certificate, Failure, Node, NodeSpec, Ptb, Receipt, Walrus};
use crate::keys::{operator, protocol_key};

impl Walrus {
    /// Registers the node with key number `key`, whose operator has the same number.
    ///
    /// # Errors
    ///
    /// What it failed with.
    pub fn register(&mut self, key: u8) -> Result<Node, Failure> {
        let sender = operator(key).address();
        let pair = protocol_key(key);
        let proof = pair.proof_of_possession(self.epoch(), sender).signature;
        self.register_as(key, &NodeSpec::new(pair.public(), proof))
    }

    /// Registers a node, as operator number `key`.
    ///
    /// # Errors
    ///
    /// What it failed with.
    pub fn register_as(&mut self, key: u8, node: &NodeSpec) -> Result<Node, Failure> {
        let sender = operator(key).address();
        let staking = self.ids.staking;
        let receipt = self.run(sender, |ptb| {
            let cap = register_candidate(ptb, staking, node);
            ptb.transfer(&[cap], sender);
        })?;
        let cap = receipt.only("storage_node", "StorageNodeCap");
        let contents: StorageNodeCap = self.chain.read(cap);
        let node = Node {
            key,
            operator: sender,
            id: contents.node_id,
            cap,
        };
        self.nodes.push(node);
        Ok(node)
    }

    /// Stakes with a node; returns the `StakedWal`.
    ///
    /// # Errors
    ///
    /// What it failed with.
    pub fn stake(
        &mut self,
        account: SuiAddress,
        node: ObjectId,
        amount: u64,
    ) -> Result<ObjectId, Failure> {
        let (staking, coin) = (self.ids.staking, self.wal_coin(account));
        let receipt = self.run(account, |ptb| {
            let coin = ptb.object(coin);
            let arguments = [
                ptb.object(staking),
                ptb.split(coin, &[amount]),
                ptb.pure(&node),
            ];
            let staked = ptb.call("walrus::staking::stake_with_pool", &arguments);
            ptb.transfer(&[staked], account);
        })?;
        Ok(receipt.only("staked_wal", "StakedWal"))
    }

    /// Buys storage and registers a blob in it; returns the blob object.
    ///
    /// # Errors
    ///
    /// What it failed with.
    pub fn register_blob(
        &mut self,
        account: SuiAddress,
        blob: &BlobSpec,
    ) -> Result<ObjectId, Failure> {
        let (system, coin) = (self.ids.system, self.wal_coin(account));
        let encoded = blob.encoded_length(self.n_shards);
        let receipt = self.run(account, |ptb| {
            let (system, coin) = (ptb.object(system), ptb.object(coin));
            let arguments = [system, ptb.pure(&encoded), ptb.pure(&blob.epochs), coin];
            let storage = ptb.call("walrus::system::reserve_space", &arguments);
            let blob = register_blob(ptb, system, storage, blob, coin);
            ptb.transfer(&[blob], account);
        })?;
        Ok(receipt.only("blob", "Blob"))
    }

    /// Certifies a blob.
    ///
    /// # Errors
    ///
    /// What it failed with.
    pub fn certify_blob(
        &mut self,
        account: SuiAddress,
        blob: ObjectId,
        certificate: &Certificate,
    ) -> Result<Receipt, Failure> {
        let system = self.ids.system;
        self.run(account, |ptb| {
            let mut arguments = vec![ptb.object(system), ptb.object(blob)];
            arguments.extend(certificate.arguments(ptb));
            ptb.call("walrus::system::certify_blob", &arguments);
        })
    }
}

/// Adds `register_candidate`; returns the new capability.
pub fn register_candidate(ptb: &mut Ptb, staking: ObjectId, node: &NodeSpec) -> Argument {
    let empty = ptb.pure("");
    let metadata = ptb.call("walrus::node_metadata::new", &[empty, empty, empty]);
    let arguments = [
        ptb.object(staking),
        ptb.pure(&node.name),
        ptb.pure(&node.network_address),
        metadata,
        ptb.pure(&node.public_key),
        ptb.pure(&node.network_public_key),
        ptb.pure(&node.proof_of_possession),
        ptb.pure(&node.commission_rate),
        ptb.pure(&node.storage_price),
        ptb.pure(&node.write_price),
        ptb.pure(&node.node_capacity),
    ];
    ptb.call("walrus::staking::register_candidate", &arguments)
}

/// Adds `register_blob`; returns the new blob.
pub fn register_blob(
    ptb: &mut Ptb,
    system: Argument,
    storage: Argument,
    blob: &BlobSpec,
    payment: Argument,
) -> Argument {
    let arguments = [
        system,
        storage,
        ptb.pure(&blob.blob_id().0),
        ptb.pure(&blob.root_hash()),
        ptb.pure(&blob.length),
        ptb.pure(&EncodingType::Rs2.as_u8()),
        ptb.pure(&blob.deletable),
        payment,
    ];
    ptb.call("walrus::system::register_blob", &arguments)
}
