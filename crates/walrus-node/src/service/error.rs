//! Why a request was refused.

use walrus_core::{Epoch, ShardIndex, metadata::MetadataVerificationError};
use walrus_encoder::SliverVerificationError;

use crate::storage::StorageError;

/// A refusal, or a failure of the node. The HTTP layer adds status and reason.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ServiceError {
    /// No metadata to read.
    #[error("metadata of the blob is not stored on this node")]
    MetadataNotFound,
    /// A sliver arrived before its metadata.
    #[error("metadata of the blob must be stored before its slivers")]
    MetadataRequired,
    /// No sliver to read.
    #[error("the sliver is not stored on this node")]
    SliverNotFound,
    /// Nobody has registered the blob, as far as the node knows.
    #[error(
        "the blob is not registered in the current epoch, as far as this node has seen the chain"
    )]
    NotRegistered,
    /// The deletable object is not registered.
    #[error("the object is not a registered blob object of this blob")]
    ObjectNotRegistered,
    /// The caches are full.
    #[error("the cache for data of unregistered blobs is full; upload again after registration")]
    CacheSaturated,
    /// The metadata is wrong.
    #[error("invalid metadata: {0}")]
    InvalidMetadata(#[from] MetadataVerificationError),
    /// The bytes are not metadata.
    #[error("the body is not metadata: {0}")]
    UndecodableMetadata(String),
    /// The blob ID is marked invalid.
    #[error("the blob was proven to be inconsistently encoded and is marked invalid")]
    InvalidBlob,
    /// The encoding is not served.
    #[error("the encoding type of the blob is not supported")]
    UnsupportedEncodingType,
    /// The pair index is too large.
    #[error("sliver pair index {pair} is not below the number of shards, {n_shards}")]
    IndexOutOfRange {
        /// The index.
        pair: u16,
        /// Number of shards.
        n_shards: u16,
    },
    /// The shard is another node's.
    #[error("shard {} is not assigned to this node in epoch {epoch}", shard.0)]
    ShardNotAssigned {
        /// The shard.
        shard: ShardIndex,
        /// The epoch.
        epoch: Epoch,
    },
    /// The sliver is wrong.
    #[error("invalid sliver: {0}")]
    InvalidSliver(#[from] SliverVerificationError),
    /// The bytes are not a sliver.
    #[error("the body is not a sliver: {0}")]
    UndecodableSliver(String),
    /// The sliver says it is another one than the path says.
    #[error("the sliver has index {found}, but the path implies {expected}")]
    SliverIndexMismatch {
        /// Index inside the sliver.
        found: u16,
        /// Index implied by pair and type.
        expected: u16,
    },
    /// Some slivers are not stored.
    #[error(
        "{missing} of {needed} slivers of this node's shards are not stored{}",
        if *has_metadata { "" } else { ", nor is the metadata" }
    )]
    MissingSlivers {
        /// How many are missing.
        missing: usize,
        /// How many there have to be.
        needed: usize,
        /// Whether the metadata is stored.
        has_metadata: bool,
    },
    /// The committee knows this node by another key than it has.
    #[error(
        "the node cannot sign: it does not have the key the committee of this epoch knows it by"
    )]
    NoKey,
    /// The file system is full, or too much is going on.
    #[error("the node cannot do this now: {0}")]
    Unavailable(StorageError),
    /// The node failed.
    #[error("the storage of the node failed")]
    Storage(#[source] StorageError),
}

impl From<StorageError> for ServiceError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::DiskFull { .. } | StorageError::Busy => Self::Unavailable(error),
            other => Self::Storage(other),
        }
    }
}

impl From<crate::pending::Saturated> for ServiceError {
    fn from(_: crate::pending::Saturated) -> Self {
        Self::CacheSaturated
    }
}
