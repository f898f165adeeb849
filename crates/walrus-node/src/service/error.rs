//! Why a request was refused.

use walrus_core::{
    Epoch, ShardIndex, messages::MessageVerificationError, metadata::MetadataVerificationError,
    symbol::SymbolId,
};
use walrus_encoder::{InconsistencyVerificationError, SliverVerificationError};

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
    /// The operator does not serve the blob.
    #[error("the operator of this node does not serve this blob")]
    Blocked,
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
    /// More symbols than a recovery can need.
    #[error("{actual} symbols are asked for, at most {max} at a time")]
    TooManySymbols {
        /// How many are asked for.
        actual: usize,
        /// How many there may be.
        max: u16,
    },
    /// A cell outside the matrix.
    #[error("symbol {id} is out of range: there are {n_shards} slivers of each type")]
    SymbolOutOfRange {
        /// The cell.
        id: SymbolId,
        /// Number of shards.
        n_shards: u16,
    },
    /// A sliver that does not exist, or is no source sliver where one is needed.
    #[error("sliver index {index} is not below {limit}")]
    SliverIndexOutOfRange {
        /// The index.
        index: u16,
        /// The bound.
        limit: u16,
    },
    /// The symbols belong to shards of other nodes.
    #[error("no shard of this node contributes to the symbols asked for")]
    SymbolNotPresent,
    /// The bytes are not an inconsistency proof.
    #[error("the body is not an inconsistency proof: {0}")]
    UndecodableProof(String),
    /// The proof does not prove anything.
    #[error("invalid inconsistency proof: {0}")]
    InvalidProof(#[source] InconsistencyVerificationError),
    /// The caller may not ask for this.
    #[error("the caller is not {0}")]
    Unauthorized(&'static str),
    /// The signature, or what was signed, is wrong.
    #[error("{0}")]
    MessageVerification(#[from] MessageVerificationError),
    /// The request belongs to another epoch.
    #[error("the request is for epoch {request}, this node is in epoch {server}")]
    InvalidEpoch {
        /// Epoch of the request.
        request: Epoch,
        /// Epoch of the node.
        server: Epoch,
    },
    /// More slivers than one answer holds.
    #[error("{count} slivers are asked for, at most {max} at a time")]
    SliverCountExceedsLimit {
        /// How many are asked for.
        count: u64,
        /// How many there may be.
        max: u64,
    },
    /// Too many requests of a kind at a time.
    #[error("the node answers as many such requests as it can; try again later")]
    Busy,
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
            StorageError::DiskFull { .. }
            | StorageError::WriteAheadFull { .. }
            | StorageError::BucketAway(_)
            | StorageError::Busy => Self::Unavailable(error),
            other => Self::Storage(other),
        }
    }
}

impl From<crate::pending::Saturated> for ServiceError {
    fn from(_: crate::pending::Saturated) -> Self {
        Self::CacheSaturated
    }
}
