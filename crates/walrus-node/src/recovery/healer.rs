//! Who heals: what all ways of getting parts back need, and what can come of it.

use std::sync::Arc;

use ambient::memory::MemoryBound;
use stdx::SaturatingFrom as _;
use walrus_core::VerifiedMetadata;
use walrus_encoder::{DecodeError, SliverRecoveryError};

use super::plan::BlobShape;
use crate::{
    chain::{ChainError, ChainView},
    peer::Peers,
    service::{Service, ServiceError},
    storage::StorageError,
};

/// Bytes of symbols and blobs that healing holds in memory at a time; more blobs wait for their
/// turn.
pub const HEALING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Gets what this node lacks of blobs from other nodes.
pub struct Healer {
    pub(crate) service: Arc<Service>,
    pub(crate) peers: Arc<Peers>,
    pub(super) chain: Arc<dyn ChainView>,
    pub(super) memory: MemoryBound,
}

/// What came of healing a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Healed {
    /// Nothing was missing, or nobody wants the blob any more.
    Nothing,
    /// Only the metadata was missing, and is here now.
    Metadata,
    /// So many slivers are here now.
    Slivers(usize),
    /// The blob is proven to be inconsistent, and the chain knows.
    Inconsistent,
}

/// Why a blob could not be healed now.
#[derive(Debug, thiserror::Error)]
pub enum HealError {
    /// No node has given the metadata.
    #[error("no node that answers has the metadata of the blob")]
    NoMetadata,
    /// Too few nodes have given their part.
    #[error("the nodes that answer have {have} of the {needed} parts needed")]
    NotEnough {
        /// Parts at hand.
        have: usize,
        /// Parts needed.
        needed: usize,
    },
    /// Symbols do not decode.
    #[error("the symbols do not decode: {0}")]
    Recovery(#[from] SliverRecoveryError),
    /// The slivers do not decode, or decode to another blob.
    #[error("the slivers do not decode: {0}")]
    Decode(DecodeError),
    /// Too few members attest that the blob is inconsistent.
    #[error("nodes with {weight} shards attest that the blob is inconsistent, which are too few")]
    NotAttested {
        /// Their shards.
        weight: usize,
    },
    /// The chain does not take the certificate.
    #[error("the chain does not take the certificate of inconsistency: {0}")]
    Chain(#[from] ChainError),
    /// The node itself failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<StorageError> for HealError {
    fn from(error: StorageError) -> Self {
        Self::Service(error.into())
    }
}

impl Healer {
    /// A healer that stores what it gets through `service`.
    pub fn new(service: Arc<Service>, peers: Arc<Peers>, chain: Arc<dyn ChainView>) -> Self {
        Self {
            service,
            peers,
            chain,
            memory: MemoryBound::new(HEALING_BYTES_MAX),
        }
    }

    /// Counts bytes that came from other nodes.
    pub(super) fn count_received(&self, bytes: u64) {
        self.service.state().metrics().recovery_bytes.inc_by(bytes);
    }

    /// Bytes in use, and their bound.
    pub(crate) fn memory(&self) -> &MemoryBound {
        &self.memory
    }
}

/// The numbers of a blob that traffic depends on.
pub(super) fn shape_of(metadata: &VerifiedMetadata) -> BlobShape {
    BlobShape {
        n_shards: metadata.n_shards(),
        symbol_bytes: metadata.symbol_size().get(),
    }
}

pub(super) fn bounded(bytes: u64) -> usize {
    usize::saturating_from(bytes)
}
