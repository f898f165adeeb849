//! What to ask whom for: pure functions from what is missing and who may have it.

use std::collections::BTreeSet;

use stdx::SaturatingFrom as _;
use walrus_core::{NShards, SliverIndex, SliverType, params};

/// A node of the path in a proof: tag and digest.
const PROOF_NODE_BYTES: u64 = 33;

/// What an answer holds of a symbol besides its data and its proof: indices, tags, lengths.
const SYMBOL_OVERHEAD_BYTES: u64 = 12;

/// The numbers of a blob that traffic depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobShape {
    /// Number of shards.
    pub n_shards: NShards,
    /// Length of a symbol in bytes.
    pub symbol_bytes: u16,
}

impl BlobShape {
    /// Symbols from which a sliver of this axis is recovered.
    pub fn symbols_needed(self, axis: SliverType) -> usize {
        axis.symbols_per_sliver(self.n_shards).into()
    }

    /// Slivers of this axis from which the blob is decoded.
    pub fn slivers_needed(self, axis: SliverType) -> usize {
        axis.source_slivers(self.n_shards).into()
    }

    /// Bytes of an answer with `count` proven symbols, at most.
    pub fn proven_symbols_bytes(self, count: usize) -> u64 {
        let depth = u64::from(u16::BITS - self.n_shards.get().leading_zeros());
        let symbol =
            u64::from(self.symbol_bytes) + PROOF_NODE_BYTES * depth + SYMBOL_OVERHEAD_BYTES;
        u64::saturating_from(count).saturating_mul(symbol)
    }

    /// Bytes that move when one sliver of this axis is recovered from proven symbols: about those
    /// of the blob divided by the number of shards, and the proofs.
    pub fn recovery_bytes(self, axis: SliverType) -> u64 {
        self.proven_symbols_bytes(self.symbols_needed(axis))
    }

    /// Bytes that move when the blob is read in order to encode slivers again.
    pub fn decoding_bytes(self) -> u64 {
        let symbol = u64::from(self.symbol_bytes) + SYMBOL_OVERHEAD_BYTES;
        params::source_symbols_per_blob(self.n_shards).saturating_mul(symbol)
    }

    /// Bytes of the blob, padded.
    pub fn blob_bytes(self) -> u64 {
        params::source_symbols_per_blob(self.n_shards) * u64::from(self.symbol_bytes)
    }
}

/// How missing slivers of one blob are got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Read columns until the blob can be decoded, and encode what is missing again.
    Decode,
    /// Recover each sliver from symbols with proofs.
    Symbols,
}

/// The way that moves the fewest bytes. Blobs of more than `decodable_bytes_max` bytes are not
/// decoded: that takes memory for all of them.
pub fn cheapest_way(
    shape: BlobShape,
    missing: impl IntoIterator<Item = SliverType>,
    decodable_bytes_max: u64,
) -> Way {
    let by_symbols = missing.into_iter().fold(0_u64, |sum, axis| {
        sum.saturating_add(shape.recovery_bytes(axis))
    });
    if shape.blob_bytes() <= decodable_bytes_max && shape.decoding_bytes() < by_symbols {
        Way::Decode
    } else {
        Way::Symbols
    }
}

/// A part of what is to be gathered, and whom to ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask<K = SliverIndex> {
    /// Position of the holder among the candidates.
    pub holder: usize,
    /// What to take from it: slivers by their indices, or the shards they are on.
    pub sources: Vec<K>,
    /// Whether that is all it may have.
    pub is_all: bool,
}

/// Whom to ask next so that `needed` different slivers are at hand, with as few requests as
/// possible and for no more than is needed. Candidates that were asked before have no sources left;
/// of equal ones the first is asked.
///
/// Empty when enough is at hand, or nobody is left to ask. If the candidates together do not have
/// enough, all are asked: some of what they have may come to hand in another way.
pub fn next_asks<K: Ord + Copy>(
    candidates: &[BTreeSet<K>],
    at_hand: &BTreeSet<K>,
    needed: usize,
) -> Vec<Ask<K>> {
    let mut covered = at_hand.clone();
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    let mut asks = Vec::new();
    while covered.len() < needed {
        let news = |holder: usize| candidates[holder].difference(&covered).count();
        let Some((position, most)) = left
            .iter()
            .map(|holder| news(*holder))
            .enumerate()
            .max_by_key(|(position, count)| (*count, std::cmp::Reverse(*position)))
        else {
            break;
        };
        if most == 0 {
            break;
        }
        let holder = left.remove(position);
        let sources: Vec<_> = candidates[holder]
            .difference(&covered)
            .copied()
            .take(needed - covered.len())
            .collect();
        covered.extend(&sources);
        asks.push(Ask {
            holder,
            is_all: sources.len() == candidates[holder].len(),
            sources,
        });
    }
    asks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(n_shards: u16, symbol_bytes: u16) -> BlobShape {
        BlobShape {
            n_shards: NShards::new(n_shards).unwrap(),
            symbol_bytes,
        }
    }

    fn set(indices: &[u16]) -> BTreeSet<SliverIndex> {
        indices.iter().copied().map(SliverIndex).collect()
    }

    fn both_axes(pairs: usize) -> Vec<SliverType> {
        [SliverType::Primary, SliverType::Secondary].repeat(pairs)
    }

    #[test]
    fn one_sliver_moves_a_part_of_the_blob_and_many_the_whole() {
        // A blob of 200 MB on a thousand shards.
        let large = shape(1000, 1_000);
        let share = large.blob_bytes() / 1000;
        assert!(large.recovery_bytes(SliverType::Primary) < 5 * share);
        assert!(large.recovery_bytes(SliverType::Secondary) < 3 * share);
        assert_eq!(cheapest_way(large, both_axes(10), u64::MAX), Way::Symbols);
        assert_eq!(cheapest_way(large, both_axes(300), u64::MAX), Way::Decode);
        assert_eq!(cheapest_way(large, both_axes(300), 1 << 20), Way::Symbols);
        // Proofs are most of a small blob's symbols.
        let small = shape(100, 2);
        assert_eq!(cheapest_way(small, both_axes(2), 1 << 20), Way::Decode);
        let one = [SliverType::Secondary];
        assert_eq!(cheapest_way(small, one, 1 << 20), Way::Symbols);
    }

    #[test]
    fn the_greatest_holders_are_asked_and_for_no_more_than_is_needed() {
        let candidates = [set(&[0, 1]), set(&[2, 3, 4]), set(&[5, 6, 7])];
        let asks = next_asks(&candidates, &set(&[9]), 5);
        assert_eq!(
            asks,
            [
                Ask {
                    holder: 1,
                    sources: vec![SliverIndex(2), SliverIndex(3), SliverIndex(4)],
                    is_all: true
                },
                Ask {
                    holder: 2,
                    sources: vec![SliverIndex(5)],
                    is_all: false
                },
            ]
        );
        assert!(next_asks(&candidates, &set(&[9]), 1).is_empty());
        assert!(next_asks(&[set(&[9])], &set(&[9]), 2).is_empty());
        // Not enough: what there is is asked for all the same.
        assert_eq!(next_asks(&candidates, &set(&[]), 20).len(), 3);
    }

    proptest! {
        #[test]
        fn asks_cover_what_is_needed_whenever_that_is_possible(
            candidates in proptest::collection::vec(
                proptest::collection::btree_set((0_u16..30).prop_map(SliverIndex), 0..12), 0..8),
            at_hand in proptest::collection::btree_set((0_u16..30).prop_map(SliverIndex), 0..12),
            needed in 0_usize..30,
        ) {
            let asks = next_asks(&candidates, &at_hand, needed);
            let mut covered = at_hand.clone();
            for ask in &asks {
                prop_assert!(!ask.sources.is_empty());
                for source in &ask.sources {
                    prop_assert!(candidates[ask.holder].contains(source));
                    prop_assert!(covered.insert(*source), "asked twice");
                }
            }
            let mut possible = at_hand.clone();
            possible.extend(candidates.iter().flatten());
            prop_assert_eq!(covered.len(), at_hand.len().max(needed.min(possible.len())));
        }
    }
}
