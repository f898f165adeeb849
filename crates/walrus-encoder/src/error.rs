//! What can go wrong.

use thiserror::Error;
use walrus_core::{BlobId, NShards, params::DataTooLarge, symbol::SymbolVerificationError};

/// Blobs cannot be encoded for this number of shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "blobs cannot be encoded for {0} shards: at least 4 are needed, and at most as many as the \
     codes over 65536 elements allow"
)]
pub struct UnsupportedShardCount(pub NShards);

/// Metadata belongs to a network with another number of shards than the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the metadata is for {metadata} shards, the encoder for {encoder}")]
pub struct ShardCountMismatch {
    /// Shards that the metadata was verified for.
    pub metadata: NShards,
    /// Shards that the encoder was made for.
    pub encoder: NShards,
}

/// Why a blob cannot be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The blob is too large.
    #[error(transparent)]
    DataTooLarge(#[from] DataTooLarge),
    /// A sliver pair was asked for that does not exist.
    #[error("there is no sliver pair {pair} on a network of {n_shards} shards")]
    PairIndexTooLarge {
        /// What was asked for.
        pair: u16,
        /// The number of shards.
        n_shards: NShards,
    },
}

/// Why a blob cannot be encoded from where it is read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It cannot be encoded at all.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Reading failed, or the source is shorter than was said.
    #[error("the blob cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// Why a blob has not been decoded into a writer.
#[derive(Debug, Error)]
pub enum WriteError {
    /// It cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Writing failed.
    #[error("the decoded blob cannot be written: {0}")]
    Io(#[from] std::io::Error),
}

/// Why a sliver is not one of the blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SliverVerificationError {
    /// The metadata is of another network.
    #[error(transparent)]
    ShardCount(#[from] ShardCountMismatch),
    /// The index is not below the number of shards.
    #[error("the index of the sliver is not below the number of shards")]
    IndexTooLarge,
    /// The sliver does not have the length that follows from the blob's.
    #[error("the sliver has {actual} bytes; slivers of this blob and axis have {expected}")]
    SliverSizeMismatch {
        /// Bytes of the sliver.
        actual: usize,
        /// Bytes it should have.
        expected: usize,
    },
    /// The symbols do not have the size that follows from the blob's.
    #[error("the sliver has symbols of {actual} bytes; symbols of this blob have {expected}")]
    SymbolSizeMismatch {
        /// Bytes of the sliver's symbols.
        actual: u16,
        /// Bytes they should have.
        expected: u16,
    },
    /// The sliver has the right shape and the wrong content.
    #[error("the sliver does not match its hash in the metadata")]
    MerkleRootMismatch,
}

/// Why slivers do not decode to the blob.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The metadata is of another network.
    #[error(transparent)]
    ShardCount(#[from] ShardCountMismatch),
    /// The blob does not fit into memory.
    #[error("the blob has {0} bytes, which this machine cannot address")]
    TooLargeForMemory(u64),
    /// Too few slivers are usable: duplicates and those of the wrong size do not count.
    #[error("{usable} usable slivers are too few to decode the blob; {needed} are needed")]
    NotEnoughSlivers {
        /// Slivers that could be used.
        usable: usize,
        /// Slivers needed.
        needed: usize,
    },
    /// The index of a sliver is not below the number of shards.
    #[error("there is no sliver {0}: its index is not below the number of shards")]
    IndexTooLarge(u16),
    /// What was decoded does not encode to what the metadata commits to: the blob was not encoded
    /// correctly by who stored it, or slivers were used that had not been verified.
    #[error("the decoded bytes are not consistent with the commitments of blob {0}")]
    Inconsistent(BlobId),
    /// The byte range does not lie in the blob.
    #[error("the range {start}..{end} does not lie in the blob of {length} bytes")]
    RangeOutOfBounds {
        /// First byte.
        start: u64,
        /// Byte after the last.
        end: u64,
        /// Length of the blob.
        length: u64,
    },
}

/// Why a sliver cannot be recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SliverRecoveryError {
    /// Too few symbols are usable: duplicates and those of the wrong size do not count.
    #[error("{usable} usable symbols are too few to recover the sliver; {needed} are needed")]
    NotEnoughSymbols {
        /// Symbols that could be used.
        usable: usize,
        /// Symbols needed.
        needed: usize,
    },
    /// What was recovered is not the sliver of the blob.
    #[error("the recovered sliver cannot be accepted: {0}")]
    Verification(#[from] SliverVerificationError),
}

/// Why a proof does not show that a blob is inconsistent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InconsistencyVerificationError {
    /// A proof has exactly the symbols that recovery needs.
    #[error("the proof has {actual} symbols; it needs exactly {expected}")]
    SymbolCount {
        /// Symbols in the proof.
        actual: usize,
        /// Symbols needed.
        expected: usize,
    },
    /// A symbol is not proven to belong to the blob and to lie on the sliver.
    #[error("the proof has an invalid symbol: {0}")]
    InvalidSymbol(#[from] SymbolVerificationError),
    /// The symbols do not decode.
    #[error("the symbols of the proof do not decode: {0}")]
    Recovery(#[from] SliverRecoveryError),
    /// The sliver cannot be compared with the metadata.
    #[error("the sliver of the proof cannot be checked: {0}")]
    Verification(#[from] SliverVerificationError),
    /// The sliver is the one committed to.
    #[error("the symbols decode to the sliver that the metadata commits to")]
    SliverNotInconsistent,
}
