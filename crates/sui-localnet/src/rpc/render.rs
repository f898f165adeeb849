//! The ledger's values as protobuf messages, cut down to a read mask.

mod clever;
mod failure;
pub(crate) mod json;
mod object;
mod transaction;

use std::collections::BTreeMap;

use sui_rpc::{field::FieldMaskTree, merge::Merge, proto::sui::rpc::v2 as proto};
use sui_sdk_types::{Address, Object, TypeTag};

use crate::{
    execution::Engine,
    ledger::{CheckpointRecord, Ledger, StoreError, View},
};

/// Renders values of one state of the chain.
pub(crate) struct Renderer<'a> {
    ledger: &'a Ledger,
    engine: &'a Engine,
    /// Object versions that are not in the ledger: what a simulation wrote.
    extra: BTreeMap<(Address, u64), Object>,
}

impl<'a> Renderer<'a> {
    /// Renders what the ledger holds.
    pub(crate) fn new(ledger: &'a Ledger, engine: &'a Engine) -> Self {
        Self {
            ledger,
            engine,
            extra: BTreeMap::new(),
        }
    }

    /// Lets the renderer find objects that were never committed.
    pub(crate) fn with_objects(mut self, objects: impl IntoIterator<Item = Object>) -> Self {
        self.extra.extend(
            objects
                .into_iter()
                .map(|object| ((object.object_id(), object.version()), object)),
        );
        self
    }

    fn object_version(&self, id: &Address, version: u64) -> Result<Option<Object>, StoreError> {
        match self.extra.get(&(*id, version)) {
            Some(object) => Ok(Some(object.clone())),
            None => self.ledger.object_version(id, version),
        }
    }

    /// The JSON form of a Move value; `None` when its type or bytes cannot be rendered.
    pub(crate) fn json(&self, tag: &TypeTag, bytes: &[u8]) -> Option<prost_types::Value> {
        let layout = self.engine.layout_of(&View::new(self.ledger), tag)?;
        json::render(&layout, bytes)
    }

    /// A checkpoint with everything the mask asks for.
    pub(crate) fn checkpoint(
        &self,
        record: &CheckpointRecord,
        mask: &FieldMaskTree,
    ) -> Result<proto::Checkpoint, StoreError> {
        let mut message = proto::Checkpoint::merge_from(&record.summary, mask);
        message.merge(record.contents.clone(), mask);
        if mask.contains(proto::Checkpoint::SIGNATURE_FIELD) {
            message.signature = Some(self.certify(&record.summary));
        }
        let transactions_mask = mask.subtree(proto::Checkpoint::TRANSACTIONS_FIELD);
        let objects_mask = mask
            .subtree(proto::Checkpoint::OBJECTS_FIELD)
            .and_then(|mask| mask.subtree(proto::ObjectSet::OBJECTS_FIELD));
        if transactions_mask.is_none() && objects_mask.is_none() {
            return Ok(message);
        }
        let transactions = self.ledger.transactions_of(record)?;
        if let Some(mask) = transactions_mask {
            message.transactions = transactions
                .iter()
                .map(|transaction| self.transaction(transaction, &mask))
                .collect::<Result<_, _>>()?;
        }
        if let Some(mask) = objects_mask {
            message.objects = Some(self.object_set(&transactions, &mask)?);
        }
        Ok(message)
    }

    fn certify(
        &self,
        summary: &sui_sdk_types::CheckpointSummary,
    ) -> proto::ValidatorAggregatedSignature {
        let chain_id = self
            .ledger
            .tip()
            .map(|tip| tip.chain_id)
            .unwrap_or_default();
        crate::chain::validator::certify(&chain_id, summary).into()
    }
}
