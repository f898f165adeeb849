//! Executed transactions: the transaction itself, effects, events, balance changes.

use stdx::SaturatingFrom as _;
use sui_rpc::{
    field::FieldMaskTree,
    merge::Merge,
    proto::{sui::rpc::v2 as proto, timestamp_ms_to_proto},
};
use sui_sdk_types::{Address, ObjectIn, ObjectOut, TransactionEffects, TypeTag};

use super::{Renderer, failure};
use crate::ledger::{StoreError, TransactionRecord, keys::type_string};

impl Renderer<'_> {
    /// A transaction of the ledger with the fields of `mask`.
    pub(crate) fn transaction(
        &self,
        record: &TransactionRecord,
        mask: &FieldMaskTree,
    ) -> Result<proto::ExecutedTransaction, StoreError> {
        let mut message = self.outcome(record, mask)?;
        if mask.contains(proto::ExecutedTransaction::CHECKPOINT_FIELD) {
            message.checkpoint = Some(record.checkpoint);
        }
        if mask.contains(proto::ExecutedTransaction::TIMESTAMP_FIELD) {
            message.timestamp = Some(timestamp_ms_to_proto(record.timestamp_ms));
        }
        if mask.contains(proto::ExecutedTransaction::TRANSACTION_INDEX_FIELD) {
            message.transaction_index = Some(record.index);
        }
        Ok(message)
    }

    /// Like [`Self::transaction`] for a transaction that is in no checkpoint, as simulations are.
    pub(crate) fn outcome(
        &self,
        record: &TransactionRecord,
        mask: &FieldMaskTree,
    ) -> Result<proto::ExecutedTransaction, StoreError> {
        use proto::ExecutedTransaction as Field;
        let mut message = proto::ExecutedTransaction::default();
        if mask.contains(Field::DIGEST_FIELD) {
            message.digest = Some(record.transaction.digest().to_string());
        }
        if let Some(mask) = mask.subtree(Field::TRANSACTION_FIELD) {
            let transaction = record.transaction.clone();
            message.transaction = Some(proto::Transaction::merge_from(transaction, &mask));
        }
        if let Some(mask) = mask.subtree(Field::SIGNATURES_FIELD) {
            message.signatures = record
                .signatures
                .iter()
                .map(|signature| proto::UserSignature::merge_from(signature.clone(), &mask))
                .collect();
        }
        if let Some(mask) = mask.subtree(Field::EFFECTS_FIELD) {
            message.effects = Some(self.effects(record, &mask)?);
        }
        if let (Some(mask), Some(events)) = (mask.subtree(Field::EVENTS_FIELD), &record.events) {
            message.events = Some(self.events(events, &mask));
        }
        if mask.contains(Field::BALANCE_CHANGES_FIELD) {
            message.balance_changes = record
                .balance_changes
                .iter()
                .map(|change| change.clone().into())
                .collect();
        }
        if let Some(mask) = mask
            .subtree(Field::OBJECTS_FIELD)
            .and_then(|mask| mask.subtree(proto::ObjectSet::OBJECTS_FIELD))
        {
            message.objects = Some(self.object_set(std::slice::from_ref(record), &mask)?);
        }
        Ok(message)
    }

    fn events(
        &self,
        events: &sui_sdk_types::TransactionEvents,
        mask: &FieldMaskTree,
    ) -> proto::TransactionEvents {
        let mut message = proto::TransactionEvents::merge_from(events.clone(), mask);
        if let Some(mask) = mask.subtree(proto::TransactionEvents::EVENTS_FIELD) {
            message.events = events
                .0
                .iter()
                .map(|event| self.event(event, &mask))
                .collect();
        }
        message
    }

    /// An event without its position in the ledger.
    pub(crate) fn event(&self, event: &sui_sdk_types::Event, mask: &FieldMaskTree) -> proto::Event {
        let mut message = proto::Event::merge_from(event.clone(), mask);
        if mask.contains(proto::Event::JSON_FIELD) {
            let tag = TypeTag::from(event.type_.clone());
            message.json = self.json(&tag, &event.contents).map(Box::new);
        }
        message
    }

    /// Event `index` of a transaction of the ledger, with its position.
    pub(crate) fn ledger_event(
        &self,
        record: &TransactionRecord,
        index: u32,
        event: &sui_sdk_types::Event,
        mask: &FieldMaskTree,
    ) -> proto::Event {
        let mut message = self.event(event, mask);
        if mask.contains(proto::Event::CHECKPOINT_FIELD) {
            message.checkpoint = Some(record.checkpoint);
        }
        if mask.contains(proto::Event::TRANSACTION_DIGEST_FIELD) {
            message.transaction_digest = Some(record.transaction.digest().to_string());
        }
        if mask.contains(proto::Event::TRANSACTION_INDEX_FIELD) {
            message.transaction_index = Some(record.index);
        }
        if mask.contains(proto::Event::EVENT_INDEX_FIELD) {
            message.event_index = Some(index);
        }
        message
    }

    fn effects(
        &self,
        record: &TransactionRecord,
        mask: &FieldMaskTree,
    ) -> Result<proto::TransactionEffects, StoreError> {
        let mut message = proto::TransactionEffects::merge_from(&record.effects, mask);
        if let Some(error) = message
            .status
            .as_mut()
            .and_then(|status| status.error.as_mut())
        {
            let detail = record.failure_detail.as_deref();
            error.description = Some(failure::description(error, detail));
            self.explain_abort(error)?;
        }
        let TransactionEffects::V2(effects) = &record.effects else {
            return Ok(message);
        };
        let changed = message.changed_objects.iter_mut();
        for (rendered, change) in changed.zip(&effects.changed_objects) {
            rendered.object_type = self.changed_type(change, effects.lamport_version)?;
        }
        if let (Some(rendered), Some(index)) = (&mut message.gas_object, effects.gas_object_index) {
            let index = usize::saturating_from(index);
            if let Some(change) = effects.changed_objects.get(index) {
                rendered.object_type = self.changed_type(change, effects.lamport_version)?;
            }
        }
        for (rendered, unchanged) in message
            .unchanged_consensus_objects
            .iter_mut()
            .zip(&effects.unchanged_consensus_objects)
        {
            if let Some(version) = rendered.version {
                rendered.object_type = self.type_at(&unchanged.object_id, version)?;
            }
        }
        Ok(message)
    }

    /// The type of a changed object: as written, or as it was before it went away.
    fn changed_type(
        &self,
        change: &sui_sdk_types::ChangedObject,
        lamport_version: u64,
    ) -> Result<Option<String>, StoreError> {
        match (&change.output_state, &change.input_state) {
            (ObjectOut::PackageWrite { version, .. }, _) => {
                self.type_at(&change.object_id, *version)
            }
            (ObjectOut::ObjectWrite { .. }, _) => self.type_at(&change.object_id, lamport_version),
            (_, ObjectIn::Exist { version, .. }) => self.type_at(&change.object_id, *version),
            _ => Ok(None),
        }
    }

    fn type_at(&self, id: &Address, version: u64) -> Result<Option<String>, StoreError> {
        let object = self.object_version(id, version)?;
        Ok(object.as_ref().map(type_string))
    }
}
