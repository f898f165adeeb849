//! Storage pools: one reservation that many blobs share.

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, Epoch, ObjectId};

use super::{Collection, Storage};

/// `storage_pool::StoragePool`. A dynamic field named by `version` holds the
/// [`StoragePoolInnerV1`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoragePool {
    pub id: ObjectId,
    pub version: u64,
}

/// `storage_pool::StoragePoolInnerV1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoragePoolInnerV1 {
    pub storage: Storage,
    pub used_encoded_bytes: u64,
    pub blob_count: u64,
    /// Blob id → [`PooledBlob`].
    pub blobs: Collection,
}

/// `storage_pool::PooledBlob`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PooledBlob {
    pub id: ObjectId,
    pub registered_epoch: Epoch,
    pub blob_id: BlobId,
    pub unencoded_size: u64,
    pub encoding_type: u8,
    pub certified_epoch: Option<Epoch>,
    pub storage_pool_id: ObjectId,
    pub deletable: bool,
}
