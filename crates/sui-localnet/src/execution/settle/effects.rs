//! From changes to effects: versions, digests and owners of everything that changed.

use super::changes::Changes;
use std::collections::{BTreeMap, BTreeSet};
use sui_sdk_types::{
    Address, ChangedObject, Digest, ExecutionStatus, GasCostSummary, IdOperation, Object,
    ObjectData, ObjectIn, ObjectOut, TransactionEffects, TransactionEffectsV2,
    UnchangedConsensusKind, UnchangedConsensusObject, Version,
};

/// Everything the effects are made of besides the changes.
pub(crate) struct Summary {
    pub(crate) status: ExecutionStatus,
    pub(crate) epoch: u64,
    pub(crate) gas_used: GasCostSummary,
    pub(crate) transaction: Digest,
    pub(crate) gas_object: Option<Address>,
    pub(crate) events_digest: Option<Digest>,
    pub(crate) dependencies: BTreeSet<Digest>,
    pub(crate) lamport_version: Version,
    /// Shared objects that were read only.
    pub(crate) read_only: BTreeMap<Address, (Version, Digest)>,
}

/// Assembles the effects. `written` holds the new version of everything in `changes.writes` and the
/// new packages.
pub(crate) fn assemble(
    summary: Summary,
    changes: &Changes,
    written: &BTreeMap<Address, Object>,
) -> TransactionEffects {
    let changed_objects = changed_objects(changes, written);
    let gas_object_index = summary.gas_object.and_then(|gas| {
        let position = changed_objects
            .iter()
            .position(|change| change.object_id == gas)?;
        u32::try_from(position).ok()
    });
    let unchanged = summary
        .read_only
        .into_iter()
        .map(|(object_id, (version, digest))| {
            let kind = UnchangedConsensusKind::ReadOnlyRoot { version, digest };
            UnchangedConsensusObject { object_id, kind }
        });
    TransactionEffects::V2(Box::new(TransactionEffectsV2 {
        status: summary.status,
        epoch: summary.epoch,
        gas_used: summary.gas_used,
        transaction_digest: summary.transaction,
        gas_object_index,
        events_digest: summary.events_digest,
        dependencies: summary.dependencies.into_iter().collect(),
        lamport_version: summary.lamport_version,
        changed_objects,
        unchanged_consensus_objects: unchanged.collect(),
        auxiliary_data_digest: None,
    }))
}

fn changed_objects(changes: &Changes, written: &BTreeMap<Address, Object>) -> Vec<ChangedObject> {
    let ids: BTreeSet<Address> = written
        .keys()
        .chain(&changes.deleted)
        .chain(&changes.wrapped)
        .copied()
        .collect();
    ids.into_iter()
        .map(|object_id| {
            let before = changes.before.get(&object_id);
            let after = written.get(&object_id);
            ChangedObject {
                object_id,
                input_state: before.map_or(ObjectIn::NotExist, state_before),
                output_state: after.map_or(ObjectOut::NotExist, state_after),
                id_operation: id_operation(changes, object_id, before, after),
            }
        })
        .collect()
}

fn state_before(object: &Object) -> ObjectIn {
    ObjectIn::Exist {
        version: object.version(),
        digest: object.digest(),
        owner: *object.owner(),
    }
}

fn state_after(object: &Object) -> ObjectOut {
    let digest = object.digest();
    match object.data() {
        ObjectData::Package(package) => ObjectOut::PackageWrite {
            version: package.version,
            digest,
        },
        ObjectData::Struct(_) => ObjectOut::ObjectWrite {
            digest,
            owner: *object.owner(),
        },
    }
}

fn id_operation(
    changes: &Changes,
    id: Address,
    before: Option<&Object>,
    after: Option<&Object>,
) -> IdOperation {
    let is_new_package = before.is_none()
        && after.is_some_and(|object| matches!(object.data(), ObjectData::Package(_)));
    if changes.deleted.contains(&id) {
        IdOperation::Deleted
    } else if is_new_package || (after.is_some() && changes.created.contains(&id)) {
        IdOperation::Created
    } else {
        IdOperation::None
    }
}
