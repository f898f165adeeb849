//! What a caller can watch while an operation runs.

use std::sync::Arc;

use walrus_core::{BlobId, Frost};

/// Something that happened during a store or a read. Numbers of shards are weights: a node counts
/// with the shards it owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgressEvent {
    /// A blob of this many bytes is being encoded.
    Encoding {
        /// Position of the blob in the store.
        blob: usize,
        /// Unencoded size in bytes.
        size: u64,
    },
    /// A blob is encoded and has its ID.
    Encoded {
        /// Position of the blob in the store.
        blob: usize,
        /// The ID.
        blob_id: BlobId,
        /// Size of all slivers and their metadata, in bytes.
        encoded_size: u64,
    },
    /// The nodes are asked what they know of the blobs.
    CheckingStatus,
    /// A transaction that registers this many blobs is under way.
    Registering {
        /// Blobs registered, extended or both.
        blobs: usize,
    },
    /// Blobs are registered or extended, and paid.
    Registered {
        /// Blobs of this transaction or these transactions.
        blobs: usize,
        /// What was paid, gas not included.
        cost: Frost,
    },
    /// Slivers are being sent.
    Uploading {
        /// Position of the blob in the store.
        blob: usize,
        /// The ID.
        blob_id: BlobId,
        /// Shards there are.
        shards: u16,
        /// Shards that must confirm.
        needed: u16,
    },
    /// Nodes with this many shards in total have confirmed.
    Confirmed {
        /// Position of the blob in the store.
        blob: usize,
        /// Shards that have confirmed.
        shards: u16,
    },
    /// Enough shards have confirmed; the certificate exists.
    QuorumReached {
        /// Position of the blob in the store.
        blob: usize,
    },
    /// A transaction that certifies this many blobs is under way.
    Certifying {
        /// Blobs certified.
        blobs: usize,
    },
    /// Blobs are certified on chain.
    Certified {
        /// Blobs certified.
        blobs: usize,
    },
    /// The metadata of a blob was read and checked.
    MetadataRead {
        /// Unencoded size in bytes.
        size: u64,
        /// Slivers needed to decode.
        slivers_needed: u16,
    },
    /// This many slivers have arrived and are correct.
    SliversRead {
        /// Correct slivers so far.
        slivers: u16,
    },
    /// The blob is being decoded and checked.
    Decoding,
    /// The committee has changed; the operation starts again.
    CommitteeChanged,
}

/// Receives progress; called from several tasks, must return at once.
pub trait Progress: Send + Sync {
    /// Takes note of an event.
    fn report(&self, event: ProgressEvent);
}

impl<F: Fn(ProgressEvent) + Send + Sync> Progress for F {
    fn report(&self, event: ProgressEvent) {
        self(event);
    }
}

/// A shared receiver of progress.
pub type ProgressSink = Arc<dyn Progress>;

/// A receiver for callers that do not watch.
pub fn no_progress() -> ProgressSink {
    Arc::new(|_| {})
}
