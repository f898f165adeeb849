//! Blobs to store.

use walrus_core::{BlobId, ShardIndex, SliverPair, SliverPairIndex, SliverType, VerifiedMetadata};
use walrus_encoder::Encoder;

use super::n_shards;

/// A blob, encoded.
pub(crate) struct TestBlob {
    pairs: Vec<SliverPair>,
    metadata: VerifiedMetadata,
}

impl TestBlob {
    /// A blob of `size` bytes that depend on `seed`.
    pub(crate) fn new(seed: u8, size: usize) -> Self {
        let bytes: Vec<u8> = (0..size)
            .map(|i| u8::try_from((i * 7 + usize::from(seed)) % 251).unwrap())
            .collect();
        Self::of(&bytes)
    }

    /// One of many small blobs.
    pub(crate) fn numbered(number: u32) -> Self {
        Self::of(&number.to_be_bytes().repeat(200))
    }

    fn of(bytes: &[u8]) -> Self {
        let (pairs, metadata) = Encoder::new(n_shards()).unwrap().encode(bytes).unwrap();
        Self { pairs, metadata }
    }

    pub(crate) fn id(&self) -> BlobId {
        *self.metadata.blob_id()
    }

    /// A byte that names the blob's object.
    pub(crate) fn tag(&self) -> u8 {
        self.id().0[31]
    }

    pub(crate) fn metadata(&self) -> &VerifiedMetadata {
        &self.metadata
    }

    pub(crate) fn pair(&self, pair: SliverPairIndex) -> &SliverPair {
        self.pairs
            .iter()
            .find(|candidate| candidate.index() == pair)
            .unwrap()
    }

    pub(crate) fn metadata_body(&self) -> Vec<u8> {
        bcs::to_bytes(self.metadata.metadata()).unwrap()
    }

    pub(crate) fn metadata_wire(&self) -> Vec<u8> {
        bcs::to_bytes(self.metadata.as_wire()).unwrap()
    }

    pub(crate) fn pair_of(&self, shard: u16) -> SliverPairIndex {
        ShardIndex(shard).to_pair(&self.id(), n_shards())
    }

    pub(crate) fn sliver_body(&self, pair: SliverPairIndex, axis: SliverType) -> Vec<u8> {
        let pair = self.pair(pair);
        match axis {
            SliverType::Primary => bcs::to_bytes(&pair.primary).unwrap(),
            SliverType::Secondary => bcs::to_bytes(&pair.secondary).unwrap(),
        }
    }
}
