//! Which shard holds which slivers of a blob.
//!
//! Pairs are assigned to shards in order, rotated by an offset that depends on the blob, so that
//! the systematic slivers of different blobs land on different shards.

use crate::{BlobId, NShards, ShardIndex, SliverIndex, SliverPairIndex, SliverType};

impl BlobId {
    /// The rotation of this blob: its bytes as one big-endian number, modulo `n`.
    pub fn rotation(&self, n: NShards) -> u16 {
        let modulus = u32::from(n.get());
        let offset = self
            .0
            .iter()
            .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % modulus);
        u16::try_from(offset).expect("smaller than n, which is a u16")
    }
}

impl SliverPairIndex {
    /// The shard that stores this pair of the blob.
    pub fn to_shard(self, blob_id: &BlobId, n: NShards) -> ShardIndex {
        ShardIndex(add_modulo(self.0, blob_id.rotation(n), n))
    }

    /// The index, within its axis, of the sliver of this pair. Indices that are too large (`≥ n`)
    /// stay too large.
    pub fn sliver_index(self, axis: SliverType, n: NShards) -> SliverIndex {
        SliverIndex(match axis {
            SliverType::Primary => self.0,
            SliverType::Secondary => (n.get() - 1).wrapping_sub(self.0),
        })
    }
}

impl ShardIndex {
    /// The pair of the blob that this shard stores.
    pub fn to_pair(self, blob_id: &BlobId, n: NShards) -> SliverPairIndex {
        SliverPairIndex(add_modulo(self.0, n.get() - blob_id.rotation(n), n))
    }
}

impl SliverIndex {
    /// The pair this sliver of the given axis belongs to. Indices that are too large (`≥ n`) stay
    /// too large.
    pub fn to_pair(self, axis: SliverType, n: NShards) -> SliverPairIndex {
        SliverPairIndex(SliverPairIndex(self.0).sliver_index(axis, n).0)
    }
}

/// `(a + b) mod n`.
fn add_modulo(a: u16, b: u16, n: NShards) -> u16 {
    let sum = (u32::from(a) + u32::from(b)) % u32::from(n.get());
    u16::try_from(sum).expect("smaller than n, which is a u16")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shards_and_pairs_are_inverse(id: [u8; 32], n in 1..=u16::MAX, pair: u16) {
            let shards = NShards::new(n).expect("not zero");
            let (id, pair) = (BlobId(id), SliverPairIndex(pair % n));
            let shard = pair.to_shard(&id, shards);
            prop_assert!(shard.0 < n);
            prop_assert_eq!(shard.to_pair(&id, shards), pair);
        }

        #[test]
        fn pairs_and_slivers_are_inverse(n in 1..=u16::MAX, pair: u16) {
            let shards = NShards::new(n).expect("not zero");
            for axis in [SliverType::Primary, SliverType::Secondary] {
                let sliver = SliverPairIndex(pair).sliver_index(axis, shards);
                prop_assert_eq!(sliver.to_pair(axis, shards), SliverPairIndex(pair));
                prop_assert_eq!(sliver.0 < n, pair < n);
            }
        }
    }
}
