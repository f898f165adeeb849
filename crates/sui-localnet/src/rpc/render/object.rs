//! Objects.

use std::collections::BTreeSet;

use sui_rpc::{field::FieldMaskTree, merge::Merge, proto::sui::rpc::v2 as proto};
use sui_sdk_types::{Address, Object, ObjectData, TypeTag};

use super::Renderer;
use crate::ledger::{StoreError, TransactionRecord, keys::coin_balance};

impl Renderer<'_> {
    /// An object with the fields of `mask`.
    pub(crate) fn object(&self, object: &Object, mask: &FieldMaskTree) -> proto::Object {
        let mut message = proto::Object::merge_from(object.clone(), mask);
        if mask.contains(proto::Object::BALANCE_FIELD) {
            message.balance = coin_balance(object);
        }
        match object.data() {
            ObjectData::Package(package) => {
                if let Some(rendered) = &mut message.package {
                    rendered.storage_id = Some(package.id.to_string());
                    rendered.original_id = Some(crate::ledger::original_id(package).to_string());
                    rendered.version = Some(package.version);
                }
            }
            ObjectData::Struct(value) => {
                if mask.contains(proto::Object::JSON_FIELD) {
                    let tag = TypeTag::from(value.object_type().clone());
                    message.json = self.json(&tag, value.contents()).map(Box::new);
                }
            }
        }
        message
    }

    /// All object versions `transactions` read or wrote, each once, by id and version.
    pub(super) fn object_set(
        &self,
        transactions: &[TransactionRecord],
        mask: &FieldMaskTree,
    ) -> Result<proto::ObjectSet, StoreError> {
        let versions: BTreeSet<(Address, u64)> = transactions
            .iter()
            .flat_map(|transaction| transaction.inputs.iter().chain(&transaction.outputs))
            .copied()
            .collect();
        let mut set = proto::ObjectSet::default();
        for (id, version) in versions {
            if let Some(object) = self.object_version(&id, version)? {
                set.objects.push(self.object(&object, mask));
            }
        }
        Ok(set)
    }
}
