//! The chain events a node acts on, free of how the contracts lay them out.

use walrus_core::{BlobId, Epoch, ObjectId};

/// How long a blob object can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersistenceKind {
    /// Stored until its end epoch.
    Permanent,
    /// Its owner may delete it earlier.
    Deletable,
}

/// An event of the contracts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainEvent {
    /// A blob object was registered.
    BlobRegistered {
        /// The blob.
        blob_id: BlobId,
        /// The blob object.
        object_id: ObjectId,
        /// Epoch of the registration.
        epoch: Epoch,
        /// First epoch in which the object no longer counts.
        end_epoch: Epoch,
        /// Whether the owner may delete it.
        persistence: PersistenceKind,
    },
    /// A blob object was certified, or a certified one was extended.
    BlobCertified {
        /// The blob.
        blob_id: BlobId,
        /// The blob object.
        object_id: ObjectId,
        /// Epoch of the *first* certification, also for extensions.
        epoch: Epoch,
        /// First epoch in which the object no longer counts.
        end_epoch: Epoch,
        /// Whether the owner may delete it.
        persistence: PersistenceKind,
        /// Whether this only moved the end epoch of a certified object.
        is_extension: bool,
    },
    /// A deletable blob object was deleted.
    BlobDeleted {
        /// The blob.
        blob_id: BlobId,
        /// The blob object.
        object_id: ObjectId,
        /// Epoch of the deletion.
        epoch: Epoch,
        /// Whether the object was certified.
        was_certified: bool,
    },
    /// A blob ID was proven to be inconsistently encoded.
    InvalidBlobId {
        /// The blob.
        blob_id: BlobId,
        /// Epoch of the attestation.
        epoch: Epoch,
    },
    /// A blob was registered in a storage pool.
    PooledBlobRegistered {
        /// The blob.
        blob_id: BlobId,
        /// The pooled blob object.
        object_id: ObjectId,
        /// The pool, whose end epoch is the blob's.
        pool_id: ObjectId,
        /// Epoch of the registration.
        epoch: Epoch,
    },
    /// A blob of a storage pool was certified.
    PooledBlobCertified {
        /// The blob.
        blob_id: BlobId,
        /// The pooled blob object.
        object_id: ObjectId,
        /// The pool.
        pool_id: ObjectId,
        /// Epoch of the certification.
        epoch: Epoch,
    },
    /// A blob of a storage pool was deleted.
    PooledBlobDeleted {
        /// The blob.
        blob_id: BlobId,
        /// The pooled blob object.
        object_id: ObjectId,
        /// Epoch of the deletion.
        epoch: Epoch,
        /// Whether the object was certified.
        was_certified: bool,
    },
    /// A storage pool was created.
    StoragePoolCreated {
        /// The pool.
        pool_id: ObjectId,
        /// First epoch of the pool.
        start_epoch: Epoch,
        /// First epoch in which its blobs no longer count.
        end_epoch: Epoch,
    },
    /// A storage pool was extended.
    StoragePoolExtended {
        /// The pool.
        pool_id: ObjectId,
        /// Its new end epoch.
        end_epoch: Epoch,
    },
    /// A new epoch began; shards move.
    EpochChangeStart {
        /// The new epoch.
        epoch: Epoch,
    },
    /// A quorum of the new committee holds its shards.
    EpochChangeDone {
        /// The epoch.
        epoch: Epoch,
    },
    /// An event without consequence for this node.
    Other {
        /// Name of its Move struct, for the log.
        name: String,
    },
}

impl ChainEvent {
    /// The blob the event is about.
    pub fn blob_id(&self) -> Option<BlobId> {
        match self {
            Self::BlobRegistered { blob_id, .. }
            | Self::BlobCertified { blob_id, .. }
            | Self::BlobDeleted { blob_id, .. }
            | Self::InvalidBlobId { blob_id, .. }
            | Self::PooledBlobRegistered { blob_id, .. }
            | Self::PooledBlobCertified { blob_id, .. }
            | Self::PooledBlobDeleted { blob_id, .. } => Some(*blob_id),
            _ => None,
        }
    }

    /// Short name for logs and metrics.
    pub fn name(&self) -> &str {
        match self {
            Self::BlobRegistered { .. } => "BlobRegistered",
            Self::BlobCertified { .. } => "BlobCertified",
            Self::BlobDeleted { .. } => "BlobDeleted",
            Self::InvalidBlobId { .. } => "InvalidBlobID",
            Self::PooledBlobRegistered { .. } => "PooledBlobRegistered",
            Self::PooledBlobCertified { .. } => "PooledBlobCertified",
            Self::PooledBlobDeleted { .. } => "PooledBlobDeleted",
            Self::StoragePoolCreated { .. } => "StoragePoolCreated",
            Self::StoragePoolExtended { .. } => "StoragePoolExtended",
            Self::EpochChangeStart { .. } => "EpochChangeStart",
            Self::EpochChangeDone { .. } => "EpochChangeDone",
            Self::Other { name } => name,
        }
    }
}
