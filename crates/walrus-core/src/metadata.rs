//! Blob metadata: the hashes of all slivers, from which the blob ID follows.

use std::{num::NonZeroU16, sync::Arc};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    BlobId, EncodingType, NShards, SliverIndex, SliverPairIndex, SliverType,
    hash::{Digest, hash_leaves},
    merkle::{self, Node},
    params::{self, DataTooLarge},
};

/// The hashes of the two slivers of a pair.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SliverPairMetadata {
    /// Root of the tree over the expanded row.
    pub primary_hash: Node,
    /// Root of the tree over the expanded column.
    pub secondary_hash: Node,
}

impl SliverPairMetadata {
    /// The hash of the sliver of this axis.
    pub const fn hash(&self, axis: SliverType) -> &Node {
        match axis {
            SliverType::Primary => &self.primary_hash,
            SliverType::Secondary => &self.secondary_hash,
        }
    }
}

/// What is known of a blob besides its slivers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BlobMetadata {
    /// The only version so far.
    V1(BlobMetadataV1),
}

/// Version 1 of [`BlobMetadata`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlobMetadataV1 {
    /// The erasure code.
    pub encoding_type: EncodingType,
    /// Length of the blob, in bytes.
    pub unencoded_length: u64,
    /// The hashes of the slivers, by pair.
    pub hashes: Vec<SliverPairMetadata>,
}

impl BlobMetadata {
    /// Metadata of the current version.
    pub fn new(unencoded_length: u64, hashes: Vec<SliverPairMetadata>) -> Self {
        Self::V1(BlobMetadataV1 {
            encoding_type: EncodingType::Rs2,
            unencoded_length,
            hashes,
        })
    }

    /// The erasure code.
    pub const fn encoding_type(&self) -> EncodingType {
        let Self::V1(v1) = self;
        v1.encoding_type
    }

    /// Length of the blob, in bytes.
    pub const fn unencoded_length(&self) -> u64 {
        let Self::V1(v1) = self;
        v1.unencoded_length
    }

    /// The hashes of the slivers, by pair.
    pub fn hashes(&self) -> &[SliverPairMetadata] {
        let Self::V1(v1) = self;
        &v1.hashes
    }

    /// Root of the tree over the pairs, each the leaf `primary hash ‖ secondary hash`.
    pub fn root_hash(&self) -> Node {
        let leaves: Vec<[u8; PAIR_LEAF_LEN]> = self.hashes().iter().map(pair_leaf).collect();
        let mut hashes: Vec<Digest> = vec![[0; 32]; leaves.len()];
        hash_leaves(leaves.as_flattened(), PAIR_LEAF_LEN, &mut hashes);
        merkle::root_of_leaf_hashes(&mut hashes)
    }

    /// The blob ID that follows from this metadata.
    pub fn compute_blob_id(&self) -> BlobId {
        BlobId::derive(
            self.encoding_type(),
            self.unencoded_length(),
            &self.root_hash(),
        )
    }
}

/// Length of the leaf of a pair.
const PAIR_LEAF_LEN: usize = 64;

fn pair_leaf(pair: &SliverPairMetadata) -> [u8; PAIR_LEAF_LEN] {
    let mut leaf = [0; PAIR_LEAF_LEN];
    leaf[..32].copy_from_slice(pair.primary_hash.as_bytes());
    leaf[32..].copy_from_slice(pair.secondary_hash.as_bytes());
    leaf
}

/// Metadata and a blob ID as they travel: whether they belong together is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlobMetadataWithId {
    /// The blob ID that is claimed.
    pub blob_id: BlobId,
    /// The metadata.
    pub metadata: BlobMetadata,
}

/// Why metadata is not that of a blob on a network of `n` shards.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetadataVerificationError {
    /// There must be one pair of hashes for each shard.
    #[error("the metadata has hashes of {actual} sliver pairs, not of {expected}")]
    InvalidHashCount {
        /// Number of pairs in the metadata.
        actual: usize,
        /// Number of shards.
        expected: usize,
    },
    /// No blob is that long.
    #[error("the metadata claims a length that no blob can have: {0}")]
    UnencodedLengthTooLarge(#[from] DataTooLarge),
    /// The metadata belongs to another blob.
    #[error("the metadata is that of blob {actual}, not of {claimed}")]
    BlobIdMismatch {
        /// The blob ID that follows from the metadata.
        actual: BlobId,
        /// The blob ID that came with it.
        claimed: BlobId,
    },
}

impl BlobMetadataWithId {
    /// Checks that the metadata is complete for `n` shards and that the blob ID follows from it.
    pub fn verify(self, n: NShards) -> Result<VerifiedMetadata, MetadataVerificationError> {
        let symbol_size = check_shape(&self.metadata, n)?;
        let actual = self.metadata.compute_blob_id();
        if actual != self.blob_id {
            let claimed = self.blob_id;
            return Err(MetadataVerificationError::BlobIdMismatch { actual, claimed });
        }
        Ok(VerifiedMetadata {
            wire: Arc::new(self),
            n_shards: n,
            symbol_size,
        })
    }
}

fn check_shape(
    metadata: &BlobMetadata,
    n: NShards,
) -> Result<NonZeroU16, MetadataVerificationError> {
    let (actual, expected) = (metadata.hashes().len(), usize::from(n.get()));
    if actual != expected {
        return Err(MetadataVerificationError::InvalidHashCount { actual, expected });
    }
    Ok(params::symbol_size(n, metadata.unencoded_length())?)
}

/// Metadata whose blob ID is known to follow from it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedMetadata {
    wire: Arc<BlobMetadataWithId>,
    n_shards: NShards,
    symbol_size: NonZeroU16,
}

impl VerifiedMetadata {
    /// Metadata of a blob one has encoded oneself: the blob ID is computed here.
    pub fn compute(
        n: NShards,
        unencoded_length: u64,
        hashes: Vec<SliverPairMetadata>,
    ) -> Result<Self, MetadataVerificationError> {
        let metadata = BlobMetadata::new(unencoded_length, hashes);
        let symbol_size = check_shape(&metadata, n)?;
        let blob_id = metadata.compute_blob_id();
        let wire = Arc::new(BlobMetadataWithId { blob_id, metadata });
        Ok(Self {
            wire,
            n_shards: n,
            symbol_size,
        })
    }

    /// The blob ID.
    pub fn blob_id(&self) -> &BlobId {
        &self.wire.blob_id
    }

    /// The metadata.
    pub fn metadata(&self) -> &BlobMetadata {
        &self.wire.metadata
    }

    /// Length of the blob, in bytes.
    pub fn unencoded_length(&self) -> u64 {
        self.wire.metadata.unencoded_length()
    }

    /// The number of shards it was verified for.
    pub const fn n_shards(&self) -> NShards {
        self.n_shards
    }

    /// Length of the blob's symbols, in bytes.
    pub const fn symbol_size(&self) -> NonZeroU16 {
        self.symbol_size
    }

    /// Length in bytes of the blob's slivers of this axis.
    pub fn sliver_size(&self, axis: SliverType) -> usize {
        axis.sliver_size(self.n_shards, self.symbol_size)
    }

    /// The hash of the sliver of this axis in this pair.
    pub fn hash(&self, pair: SliverPairIndex, axis: SliverType) -> Option<&Node> {
        self.metadata()
            .hashes()
            .get(pair.as_usize())
            .map(|pair| pair.hash(axis))
    }

    /// The hash of the sliver with this index within its axis.
    pub fn sliver_hash(&self, index: SliverIndex, axis: SliverType) -> Option<&Node> {
        self.hash(index.to_pair(axis, self.n_shards), axis)
    }

    /// Bytes the blob takes on the whole network.
    pub fn encoded_length(&self) -> u64 {
        params::encoded_length(self.n_shards, self.unencoded_length())
            .expect("the length was checked when the metadata was")
    }

    /// The form in which metadata travels.
    pub fn as_wire(&self) -> &BlobMetadataWithId {
        &self.wire
    }

    /// The form in which metadata travels, taken out.
    pub fn into_wire(self) -> BlobMetadataWithId {
        Arc::unwrap_or_clone(self.wire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: u64 = 20;

    fn shards(n: u16) -> NShards {
        NShards::new(n).expect("not zero")
    }

    fn metadata() -> VerifiedMetadata {
        let hashes = (0..4).map(|i| SliverPairMetadata {
            primary_hash: Node::Digest([i; 32]),
            secondary_hash: Node::Digest([i + 10; 32]),
        });
        VerifiedMetadata::compute(shards(4), LENGTH, hashes.collect()).unwrap()
    }

    #[test]
    fn what_is_computed_verifies() {
        let metadata = metadata();
        assert_eq!(metadata.as_wire().clone().verify(shards(4)), Ok(metadata));
    }

    #[test]
    fn hashes_are_found_by_pair_and_by_sliver() {
        let metadata = metadata();
        let hash = metadata.hash(SliverPairIndex(1), SliverType::Secondary);
        assert_eq!(hash, Some(&Node::Digest([11; 32])));
        assert_eq!(
            metadata.sliver_hash(SliverIndex(2), SliverType::Secondary),
            hash
        );
        for axis in [SliverType::Primary, SliverType::Secondary] {
            assert_eq!(metadata.sliver_hash(SliverIndex(4), axis), None);
            assert_eq!(metadata.hash(SliverPairIndex(u16::MAX), axis), None);
        }
    }

    #[test]
    fn refuses_other_counts_lengths_and_ids() {
        use MetadataVerificationError::{
            BlobIdMismatch, InvalidHashCount, UnencodedLengthTooLarge,
        };
        let wire = metadata().into_wire();
        assert_eq!(
            wire.clone().verify(shards(5)),
            Err(InvalidHashCount {
                actual: 4,
                expected: 5
            })
        );
        let mut other_id = wire.clone();
        other_id.blob_id.0[0] ^= 1;
        assert!(matches!(
            other_id.verify(shards(4)),
            Err(BlobIdMismatch { .. })
        ));
        let mut other_hash = wire.clone();
        let BlobMetadata::V1(v1) = &mut other_hash.metadata;
        v1.hashes[3].primary_hash = Node::Empty;
        assert!(matches!(
            other_hash.verify(shards(4)),
            Err(BlobIdMismatch { .. })
        ));
        let mut too_long = wire;
        let BlobMetadata::V1(v1) = &mut too_long.metadata;
        v1.unencoded_length = u64::MAX;
        assert!(matches!(
            too_long.verify(shards(4)),
            Err(UnencodedLengthTooLarge(_))
        ));
    }
}
