//! Why an operation of [`WalrusClient`](crate::WalrusClient) failed.

use walrus_core::BlobId;
use walrus_encoder::{DecodeError, SliverRecoveryError, quilt::QuiltError};
use walrus_sui::SuiError;

use crate::{config::ConfigError, report::ShardReport, status::StatusError};

/// A failed operation. Every message is one line that says what failed and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The chain could not be read, or refused a transaction.
    #[error(transparent)]
    Sui(#[from] SuiError),
    /// The blob could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The blob is no quilt, or has not what was asked for.
    #[error("blob {quilt_id} cannot be read as a quilt: {source}")]
    Quilt {
        /// The blob.
        quilt_id: BlobId,
        /// Why.
        source: QuiltError,
    },
    /// The status of a blob could not be established.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// Too few nodes answer for a store to have a chance; nothing was registered and nothing paid.
    #[error("cannot store, and nothing was paid: {0}")]
    NotEnoughNodes(ShardReport),
    /// There are no storage nodes yet.
    #[error("the network is in epoch 0: it has no storage nodes yet")]
    NoCommittee,
    /// The number of shards on chain is none the encoding supports.
    #[error("the network has {0} shards, which the encoding does not support")]
    UnsupportedShardCount(u16),
    /// The configuration contradicts the chain: with another number of shards, every blob has
    /// another ID, and the nodes refuse every sliver.
    #[error(
        "the configuration says `n_shards: {configured}`, but the network has {actual} shards; correct that key, or \
         remove it"
    )]
    ShardCountMismatch {
        /// What the configuration says.
        configured: u16,
        /// What the chain says.
        actual: u16,
    },
    /// The operation needs a wallet.
    #[error("this operation needs a wallet")]
    NoWallet,
    /// The requested end is not in the future.
    #[error("epoch {end_epoch} is not in the future: now is epoch {current_epoch}")]
    EndEpochPassed {
        /// The end asked for.
        end_epoch: u32,
        /// The current epoch.
        current_epoch: u32,
    },
    /// The requested time of expiry is not in the future.
    #[error("the earliest expiry time is not in the future")]
    ExpiryTimePassed,
    /// Storage is not sold that far ahead.
    #[error("storage can be bought for at most {max} epochs ahead, {requested} were asked for")]
    TooManyEpochs {
        /// What was asked for.
        requested: u64,
        /// What the network sells.
        max: u32,
    },
    /// The files of one store are too large together.
    #[error(
        "the files have {total} bytes together; the limit for one store is {limit} (`max_total_blob_size`)"
    )]
    TotalTooLarge {
        /// Bytes of all files.
        total: u64,
        /// The limit in bytes.
        limit: u64,
    },
}

/// Why a blob could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A quorum of the nodes does not know the blob.
    #[error("blob {0} does not exist")]
    NotFound(BlobId),
    /// The nodes may not serve the blob.
    #[error("blob {0} is blocked by the storage nodes")]
    Forbidden(BlobId),
    /// The blob is registered, but its availability was never certified.
    #[error(
        "blob {0} is registered but not certified; it cannot be read until its upload is complete"
    )]
    NotCertified(BlobId),
    /// The network has proven that the blob's slivers do not belong to one blob.
    #[error("blob {0} is invalid: its writer encoded it inconsistently")]
    Invalid(BlobId),
    /// No node gave correct metadata.
    #[error("cannot read the metadata of blob {blob_id}: {report}")]
    NoMetadata {
        /// The blob.
        blob_id: BlobId,
        /// Who answered.
        report: ShardReport,
    },
    /// Too few correct slivers.
    #[error("cannot read blob {blob_id}: {report}")]
    NotEnoughSlivers {
        /// The blob.
        blob_id: BlobId,
        /// Who answered.
        report: ShardReport,
    },
    /// The slivers do not decode, or decode to another blob.
    #[error("blob {blob_id} cannot be decoded: {source}")]
    Decode {
        /// The blob.
        blob_id: BlobId,
        /// What the decoder found.
        source: DecodeError,
    },
    /// A sliver was recovered, but is not the one of the blob.
    #[error("a part of blob {blob_id} cannot be recovered: {source}")]
    NotRecovered {
        /// The blob.
        blob_id: BlobId,
        /// What the decoder found.
        source: SliverRecoveryError,
    },
}
