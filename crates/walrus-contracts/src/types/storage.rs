//! Storage reservations and blobs.

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, Epoch, ObjectId};

use super::{Balance, VecMap};

/// `storage_resource::Storage`: the right to store `storage_size` encoded bytes for a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    pub id: ObjectId,
    pub start_epoch: Epoch,
    /// First epoch in which the storage is gone.
    pub end_epoch: Epoch,
    pub storage_size: u64,
}

/// `blob::Blob`: a registered blob and the storage it occupies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    pub id: ObjectId,
    pub registered_epoch: Epoch,
    pub blob_id: BlobId,
    /// Length of the blob before encoding.
    pub size: u64,
    pub encoding_type: u8,
    /// Epoch of the first certification.
    pub certified_epoch: Option<Epoch>,
    pub storage: Storage,
    pub deletable: bool,
}

/// `metadata::Metadata`: attributes of a blob.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    pub metadata: VecMap<String, String>,
}

/// `shared_blob::SharedBlob`: a blob whose extension anyone may fund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedBlob {
    pub id: ObjectId,
    pub blob: Blob,
    pub funds: Balance,
}
