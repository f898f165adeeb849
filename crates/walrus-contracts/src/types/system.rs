//! The shared `System` object: committee, prices, capacity, payments.

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, Epoch, ObjectId};

use super::{Balance, GroupElement, VecMap};

/// `system::System`. A dynamic field named by `version` (`u64`) holds the [`SystemStateInnerV1`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    pub id: ObjectId,
    /// Version of the contracts this object works with.
    pub version: u64,
    /// Package to call.
    pub package_id: ObjectId,
    /// Package that is committed but not migrated to yet.
    pub new_package_id: Option<ObjectId>,
}

/// `system_state_inner::SystemStateInnerV1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemStateInnerV1 {
    pub committee: BlsCommittee,
    pub total_capacity_size: u64,
    /// Used in the current epoch.
    pub used_capacity_size: u64,
    /// FROST per storage unit and epoch.
    pub storage_price_per_unit_size: u64,
    /// FROST per storage unit, once per blob.
    pub write_price_per_unit_size: u64,
    pub future_accounting: FutureAccountingRingBuffer,
    pub event_blob_certification_state: EventBlobCertificationState,
    /// Node → size of its deny list.
    pub deny_list_sizes: ExtendedField,
}

/// `extended_field::ExtendedField<T>`: a value kept in a dynamic field of `id`, so that it is only
/// loaded when needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendedField {
    pub id: ObjectId,
}

/// `bls_aggregate::BlsCommittee`: who can sign certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlsCommittee {
    /// In bitmap order.
    pub members: Vec<BlsCommitteeMember>,
    pub n_shards: u16,
    pub epoch: Epoch,
    /// Compressed sum of all keys.
    pub total_aggregated_key: GroupElement,
}

/// `bls_aggregate::BlsCommitteeMember`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlsCommitteeMember {
    /// Uncompressed.
    pub public_key: GroupElement,
    /// Number of shards.
    pub weight: u16,
    pub node_id: ObjectId,
}

/// `storage_accounting::FutureAccountingRingBuffer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FutureAccountingRingBuffer {
    /// Position of the current epoch.
    pub current_index: u32,
    pub length: u32,
    pub ring_buffer: Vec<FutureAccounting>,
}

/// `storage_accounting::FutureAccounting`: what is sold and paid for one epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FutureAccounting {
    pub epoch: Epoch,
    pub used_capacity: u64,
    pub rewards_to_distribute: Balance,
}

/// `event_blob::EventBlobCertificationState`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBlobCertificationState {
    pub latest_certified_blob: Option<EventBlob>,
    pub aggregate_weight_per_blob: VecMap<EventBlob, u16>,
}

/// `event_blob::EventBlob`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBlob {
    pub blob_id: BlobId,
    pub ending_checkpoint_sequence_number: u64,
}

/// `epoch_parameters::EpochParams`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochParams {
    pub total_capacity_size: u64,
    pub storage_price_per_unit_size: u64,
    pub write_price_per_unit_size: u64,
}
