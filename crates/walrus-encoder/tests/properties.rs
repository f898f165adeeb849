//! What must hold for every blob.
#![allow(clippy::unwrap_used)] // helpers of tests

use proptest::prelude::*;
use walrus_core::{
    PrimarySliver, SecondarySliver, SliverIndex, SliverPair, SliverPairIndex, SliverType,
    VerifiedMetadata,
    sliver::{Axis, Primary, Secondary},
    symbol::RecoverySymbol,
};
use walrus_encoder::{ConsistencyCheck, DecodeError, Encoder, NShards, Recovered, WriteError};

fn encoder(n: u16) -> Encoder {
    Encoder::new(NShards::new(n).unwrap()).unwrap()
}

fn blob(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()[7]
    })
    .take(length)
    .collect()
}

/// A number of shards, a blob, and an order of the sliver pairs.
fn cases() -> impl Strategy<Value = (u16, Vec<u8>, Vec<u16>)> {
    (4_u16..48, 0_usize..6000, any::<u64>()).prop_flat_map(|(n, length, seed)| {
        let order = Just((0..n).collect::<Vec<_>>()).prop_shuffle();
        (Just(n), Just(blob(length, seed)), order)
    })
}

/// Symbols for the sliver `target`, from the slivers of the other axis in these pairs.
fn symbols<A: Axis>(
    encoder: &Encoder,
    pairs: &[SliverPair],
    order: &[u16],
    target: SliverPairIndex,
) -> Vec<RecoverySymbol<A>>
where
    SliverPair: Source<A>,
{
    order
        .iter()
        .map(|pair| pairs[usize::from(*pair)].symbol(encoder, target))
        .collect()
}

trait Source<A: Axis> {
    fn symbol(&self, encoder: &Encoder, target: SliverPairIndex) -> RecoverySymbol<A>;
}

impl Source<Primary> for SliverPair {
    fn symbol(&self, encoder: &Encoder, target: SliverPairIndex) -> RecoverySymbol<Primary> {
        encoder.recovery_symbol(&self.secondary, target).unwrap()
    }
}

impl Source<Secondary> for SliverPair {
    fn symbol(&self, encoder: &Encoder, target: SliverPairIndex) -> RecoverySymbol<Secondary> {
        encoder.recovery_symbol(&self.primary, target).unwrap()
    }
}

fn check_recovery<A: Axis>(
    encoder: &Encoder,
    metadata: &VerifiedMetadata,
    target: SliverIndex,
    symbols: &[RecoverySymbol<A>],
    expected: &walrus_core::SliverData<A>,
) {
    for symbol in symbols {
        assert_eq!(symbol.verify(metadata, target), Ok(()));
    }
    let bare = symbols.iter().map(|symbol| symbol.symbol.clone());
    assert_eq!(
        encoder.recover_sliver(metadata, target, bare).as_ref(),
        Ok(expected)
    );
    let recovered = encoder.recover_or_prove(metadata, target, symbols.to_vec());
    assert_eq!(recovered, Ok(Recovered::Sliver(expected.clone())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn blobs_decode_from_any_sufficient_slivers((n, blob, order) in cases()) {
        let encoder = encoder(n);
        let (pairs, metadata) = encoder.encode(&blob).unwrap();
        let pair = |index: &u16| pairs[usize::from(*index)].clone();
        for sliver in order.iter().take(5).map(pair) {
            prop_assert_eq!(encoder.verify_sliver(&sliver.primary, &metadata), Ok(()));
            prop_assert_eq!(encoder.verify_sliver(&sliver.secondary, &metadata), Ok(()));
        }
        let primary: Vec<PrimarySliver> = order.iter().map(pair).map(|pair| pair.primary).collect();
        let secondary: Vec<SecondarySliver> =
            order.iter().map(pair).map(|pair| pair.secondary).collect();
        let check = ConsistencyCheck::Strict;
        prop_assert_eq!(&encoder.decode(&metadata, primary.clone(), check).unwrap(), &blob);
        prop_assert_eq!(&encoder.decode(&metadata, secondary.clone(), check).unwrap(), &blob);
        let mut written = Vec::new();
        encoder.decode_into(&metadata, secondary.clone(), check, &mut written).unwrap();
        prop_assert_eq!(&written, &blob);

        let few = usize::from(SliverType::Primary.source_slivers(encoder.n_shards())) - 1;
        let result = encoder.decode(&metadata, primary.into_iter().take(few), check);
        let not_enough = DecodeError::NotEnoughSlivers { usable: few, needed: few + 1 };
        prop_assert_eq!(result, Err(not_enough));
        let few = usize::from(SliverType::Secondary.source_slivers(encoder.n_shards())) - 1;
        let result = encoder.decode(&metadata, secondary.into_iter().take(few), check);
        let not_enough = DecodeError::NotEnoughSlivers { usable: few, needed: few + 1 };
        prop_assert_eq!(result, Err(not_enough));
    }

    #[test]
    fn slivers_recover_from_any_sufficient_symbols((n, blob, order) in cases(), target: u16) {
        let encoder = encoder(n);
        let (pairs, metadata) = encoder.encode(&blob).unwrap();
        let target = SliverPairIndex(target % n);
        let expected = &pairs[target.as_usize()];
        let needed = encoder.symbols_to_recover::<Primary>();
        let primary = symbols::<Primary>(&encoder, &pairs, &order[..needed], target);
        check_recovery(&encoder, &metadata, expected.primary.index, &primary, &expected.primary);
        let needed = encoder.symbols_to_recover::<Secondary>();
        let secondary = symbols::<Secondary>(&encoder, &pairs, &order[..needed], target);
        check_recovery(
            &encoder, &metadata, expected.secondary.index, &secondary, &expected.secondary,
        );
    }

    #[test]
    fn byte_ranges_are_slices_of_the_blob((n, blob, order) in cases(), ends: [usize; 2]) {
        let encoder = encoder(n);
        let (pairs, metadata) = encoder.encode(&blob).unwrap();
        let [start, end] = {
            let mut ends = ends.map(|end| end % (blob.len() + 1));
            ends.sort_unstable();
            ends
        };
        let range = start as u64..end as u64;
        let rows = encoder.rows_of_range(&metadata, range.clone()).unwrap();
        let exact: Vec<PrimarySliver> =
            rows.map(|row| pairs[usize::from(row)].primary.clone()).collect();
        let part = encoder.decode_range(&metadata, &exact, range.clone()).unwrap();
        prop_assert_eq!(part, &blob[start..end]);
        let needed = usize::from(SliverType::Primary.source_slivers(encoder.n_shards()));
        let any: Vec<PrimarySliver> =
            order[..needed].iter().map(|pair| pairs[usize::from(*pair)].primary.clone()).collect();
        prop_assert_eq!(encoder.decode_range(&metadata, &any, range).unwrap(), &blob[start..end]);
        let beyond = encoder.decode_range(&metadata, &any, 0..blob.len() as u64 + 1);
        let refused = matches!(beyond, Err(DecodeError::RangeOutOfBounds { .. }));
        prop_assert!(refused);
    }

    #[test]
    fn a_changed_bit_is_noticed((n, blob, _) in cases(), pair: u16, bit: usize) {
        let encoder = encoder(n);
        let (pairs, metadata) = encoder.encode(&blob).unwrap();
        let mut sliver = pairs[usize::from(pair % n)].secondary.clone();
        let bit = bit % (8 * sliver.symbols.data.len());
        sliver.symbols.data[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(encoder.verify_sliver(&sliver, &metadata).is_err());
    }
}

/// Columns are freed while the rows of a large blob are decoded from them.
#[test]
fn large_blobs_decode_from_columns() {
    let encoder = encoder(100);
    let blob = blob(70 << 20, 3);
    let (pairs, metadata) = encoder.encode(&blob).unwrap();
    let slivers = pairs.into_iter().map(|pair| pair.secondary);
    let mut written = Vec::new();
    encoder
        .decode_into(&metadata, slivers, ConsistencyCheck::Skip, &mut written)
        .unwrap();
    assert!(written == blob);
}

/// Nothing is written of a blob that does not match its metadata, and what cannot be written is
/// said.
#[test]
fn writers_see_only_checked_bytes() {
    let encoder = encoder(10);
    let (pairs, metadata) = encoder.encode(b"one blob").unwrap();
    let (others, _) = encoder.encode(b"another!").unwrap();
    let primary = |pairs: Vec<SliverPair>| pairs.into_iter().rev().map(|pair| pair.primary);
    let check = ConsistencyCheck::Default;
    let mut written = Vec::new();
    let result = encoder.decode_into(&metadata, primary(others), check, &mut written);
    assert!(matches!(
        result,
        Err(WriteError::Decode(DecodeError::Inconsistent(_)))
    ));
    assert!(written.is_empty());
    let mut full: &mut [u8] = &mut [0; 7];
    let result = encoder.decode_into(&metadata, primary(pairs), check, &mut full);
    assert!(matches!(result, Err(WriteError::Io(_))));
}

/// The result does not depend on the number of threads.
#[test]
fn threads_change_nothing() {
    let encoder = encoder(100);
    let blob = blob(300_000, 7);
    let in_pool = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| encoder.encode(&blob).unwrap())
    };
    assert_eq!(in_pool(1), in_pool(5));
}

#[test]
fn unsupported_numbers_of_shards_are_errors() {
    for n in [1, 2, 3, 21_846, u16::MAX] {
        let supported = Encoder::new(NShards::new(n).unwrap()).is_ok();
        assert_eq!(supported, n == 21_846, "{n}");
    }
    let wrong = encoder(7).metadata(b"x").unwrap();
    let result = encoder(10).decode::<Primary>(&wrong, [], ConsistencyCheck::Skip);
    assert!(matches!(result, Err(DecodeError::ShardCount(_))));
}
