//! What becomes of each blob of a store.

use std::{path::PathBuf, sync::Arc};

use walrus_contracts::types::Blob;
use walrus_core::{BlobId, Epoch, EpochCount, EventId, Frost, NShards, ObjectId, params};
use walrus_encoder::EncodeError;
use walrus_files::input::InputError;
use walrus_sui::{SuiError, contract::Receipt};

use super::UploadError;
use crate::{error::ClientError, upload_relay::RelayFailure};

/// A blob that is available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreOutcome {
    /// This store has certified or extended it.
    Stored(StoredBlob),
    /// It was certified for long enough before.
    AlreadyCertified {
        /// The blob.
        blob_id: BlobId,
        /// Who made it available.
        by: CertifiedBy,
        /// First epoch in which it is gone.
        end_epoch: Epoch,
    },
}

/// A blob that was certified or extended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlob {
    /// The object, as it is on chain afterwards.
    pub object: Blob,
    /// What had to be done.
    pub operation: StoreOperation,
    /// Size of all slivers and their metadata, in bytes.
    pub encoded_length: u64,
    /// Price paid, gas not included.
    pub cost: Frost,
    /// Gas paid, in MIST: of transactions with several blobs, the share of this one. Negative if
    /// storage was given back.
    pub gas_mist: i128,
    /// Digests of the transactions that did it, in base58.
    pub transactions: Vec<String>,
    /// The shared blob that the object was put into, if it was.
    pub shared_object: Option<ObjectId>,
}

impl StoredBlob {
    /// Takes note of one more transaction.
    pub(super) fn add(&mut self, receipt: &Receipt) {
        self.cost = self.cost + receipt.cost;
        self.gas_mist += receipt.gas_mist;
        self.transactions.push(receipt.digest.to_string());
    }
}

/// How a blob came to its registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOperation {
    /// Storage was bought and the blob registered.
    Bought {
        /// Epochs bought, the current one included.
        epochs_ahead: EpochCount,
    },
    /// The blob was registered in storage the wallet already owned.
    InOwnedStorage,
    /// The wallet owned the blob, registered but not certified.
    Completed {
        /// Epochs by which its storage was extended; usually none.
        epochs_extended: EpochCount,
    },
    /// The wallet owned the certified blob; its storage was extended.
    Extended {
        /// Epochs added.
        epochs_extended: EpochCount,
    },
}

/// Who made a blob available that did not have to be stored again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertifiedBy {
    /// Somebody's certification of a permanent blob.
    Event(EventId),
    /// A blob object of the wallet.
    Object(ObjectId),
}

impl StoreOutcome {
    /// The blob.
    pub fn blob_id(&self) -> BlobId {
        match self {
            Self::Stored(stored) => stored.object.blob_id,
            Self::AlreadyCertified { blob_id, .. } => *blob_id,
        }
    }
}

/// Why one blob of a store is not available; the others are not affected.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The input could not be read.
    #[error("cannot read {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: Arc<InputError>,
    },
    /// The network has no place for blobs of this size.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The blob could not be encoded.
    #[error("cannot encode the blob: {0}")]
    Encode(#[from] EncodeError),
    /// The network has proven that the blob is encoded inconsistently, for ever.
    #[error("blob {blob_id} is marked invalid by the network; it cannot be stored")]
    MarkedInvalid {
        /// The blob.
        blob_id: BlobId,
        /// The event that says so.
        event: EventId,
    },
    /// The chain did not register the blob. Nothing was paid for it.
    #[error("cannot register blob {blob_id}: {cause}")]
    Registration {
        /// The blob.
        blob_id: BlobId,
        /// Why.
        cause: Arc<SuiError>,
    },
    /// Too few nodes took the blob.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The certificate exists, but the chain did not take it.
    #[error("cannot certify blob {blob_id}: {cause}")]
    Certification {
        /// The blob.
        blob_id: BlobId,
        /// Why.
        cause: Arc<SuiError>,
    },
    /// The blob is certified, but its storage ends before the time that was asked for.
    #[error("blob {blob_id} is stored until epoch {end_epoch}, but could not be extended: {cause}")]
    Extension {
        /// The blob.
        blob_id: BlobId,
        /// First epoch in which it is gone.
        end_epoch: Epoch,
        /// Why.
        cause: Arc<SuiError>,
    },
    /// The blob is stored, but its attributes could not be set.
    #[error(
        "blob {blob_id} is stored (object {object}), but its attributes could not be set: {cause}"
    )]
    Attributes {
        /// The blob.
        blob_id: BlobId,
        /// Its object.
        object: ObjectId,
        /// Why.
        cause: Arc<SuiError>,
    },
    /// The blob is stored, but its object could not be shared.
    #[error("blob {blob_id} is stored (object {object}), but could not be shared: {cause}")]
    Sharing {
        /// The blob.
        blob_id: BlobId,
        /// Its object.
        object: ObjectId,
        /// Why.
        cause: Arc<SuiError>,
    },
    /// The relay that was to distribute it gave no certificate.
    #[error("cannot store blob {blob_id}: {cause}")]
    Relay {
        /// The blob.
        blob_id: BlobId,
        /// Why.
        cause: Arc<RelayFailure>,
    },
    /// Its turn never came: what failed before concerns all blobs that were left.
    #[error("not attempted: {0}")]
    NotAttempted(Arc<ClientError>),
}

/// A blob is larger than the network stores.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} has {}; with {n_shards} shards a blob has at most {limit} bytes", size_text(*.size, *.limit))]
pub struct TooLarge {
    /// The file, or "the blob".
    pub what: String,
    /// Its size in bytes, if it is known before everything is read.
    pub size: Option<u64>,
    /// The limit in bytes.
    pub limit: u64,
    /// The number of shards of the network, from which the limit follows.
    pub n_shards: NShards,
}

fn size_text(size: Option<u64>, limit: u64) -> String {
    match size {
        Some(size) => format!("{size} bytes"),
        None => format!("more than {limit} bytes"),
    }
}

impl TooLarge {
    /// The fewest shards of a network that stores a blob of this size, if any number of shards is
    /// enough.
    pub fn shards_needed(&self) -> Option<NShards> {
        let size = self.size?;
        (self.n_shards.get()..=SHARDS_MAX)
            .filter_map(NShards::new)
            .find(|n_shards| params::max_blob_size(*n_shards) >= size)
    }
}

/// Shards of the largest networks there are.
const SHARDS_MAX: u16 = 1000;

impl BlobError {
    /// The blob, if its ID was known by then.
    pub fn blob_id(&self) -> Option<BlobId> {
        match self {
            Self::MarkedInvalid { blob_id, .. }
            | Self::Registration { blob_id, .. }
            | Self::Certification { blob_id, .. }
            | Self::Extension { blob_id, .. }
            | Self::Attributes { blob_id, .. }
            | Self::Sharing { blob_id, .. }
            | Self::Relay { blob_id, .. } => Some(*blob_id),
            Self::Upload(error) => Some(error.blob_id),
            Self::Unreadable { .. }
            | Self::TooLarge(_)
            | Self::Encode(_)
            | Self::NotAttempted(_) => None,
        }
    }

    /// What was being done.
    pub fn phase(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "read input",
            Self::TooLarge(_) | Self::Encode(_) => "encode",
            Self::MarkedInvalid { .. } => "status",
            Self::Registration { .. } => "register",
            Self::Upload(_) | Self::Relay { .. } => "upload",
            Self::Certification { .. } => "certify",
            Self::Extension { .. } => "extend",
            Self::Attributes { .. } => "set attributes",
            Self::Sharing { .. } => "share",
            Self::NotAttempted(_) => "not attempted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_large_is_one_sentence_and_knows_a_way_out() {
        let n_shards = NShards::new(10).unwrap();
        let limit = params::max_blob_size(n_shards);
        let mut error = TooLarge {
            what: "a.bin".to_owned(),
            size: Some(limit + 1),
            limit,
            n_shards,
        };
        assert_eq!(
            error.to_string(),
            format!(
                "a.bin has {} bytes; with 10 shards a blob has at most {limit} bytes",
                limit + 1
            )
        );
        let needed = error.shards_needed().unwrap();
        assert!(needed > n_shards && params::max_blob_size(needed) > limit);
        error.size = Some(u64::MAX);
        assert_eq!(error.shards_needed(), None);
        error.size = None;
        assert_eq!(error.shards_needed(), None);
    }
}
