//! The known-good data for recovery and proofs of inconsistency.
#![allow(clippy::unwrap_used)] // helpers of tests

mod common;

use common::{bytes, generate, list, load, number, text};
use serde_json::Value;
use walrus_core::{
    BlobMetadataWithId, SliverData, SliverIndex, SliverPair, SliverPairIndex, SliverType,
    VerifiedMetadata,
    inconsistency::InconsistencyProof,
    sliver::{Axis, Primary, Secondary},
    symbol::{
        DecodingSymbol, EitherDecodingSymbol, GeneralRecoverySymbol, RecoverySymbol, SymbolId,
    },
};
use walrus_encoder::{
    Encoder, InconsistencyVerificationError, NShards, Recovered, SliverRecoveryError,
};

fn encoder(value: &Value) -> Encoder {
    let n = NShards::new(number(value)).expect("not zero");
    Encoder::new(n).expect("the vectors have at least 4 shards")
}

/// The sliver of the axis orthogonal to `A` in this pair, expanded.
fn general_symbol(
    encoder: &Encoder,
    source: &SliverPair,
    target: SliverIndex,
    axis: SliverType,
) -> GeneralRecoverySymbol {
    match axis {
        SliverType::Primary => {
            let expanded = encoder.expand_sliver(&source.secondary).unwrap();
            expanded.general_recovery_symbol(target).unwrap()
        }
        SliverType::Secondary => {
            let expanded = encoder.expand_sliver(&source.primary).unwrap();
            expanded.general_recovery_symbol(target).unwrap()
        }
    }
}

fn check_recovery<A: Axis>(
    case: &Value,
    encoder: &Encoder,
    metadata: &VerifiedMetadata,
    source: impl Fn(SliverPairIndex, SliverPairIndex) -> (RecoverySymbol<A>, GeneralRecoverySymbol),
) {
    let target_pair = SliverPairIndex(number(&case["target_pair_index"]));
    let target = SliverIndex(number(&case["target_sliver_index"]));
    assert_eq!(
        encoder.symbols_to_recover::<A>(),
        number::<usize>(&case["required_symbols"])
    );
    let mut symbols: Vec<RecoverySymbol<A>> = Vec::new();
    for expected in list(&case["symbols"]) {
        let pair = SliverPairIndex(number(&expected["source_pair_index"]));
        let (symbol, general) = source(pair, target_pair);
        assert_eq!(
            symbol.symbol.index,
            SliverIndex(number(&expected["source_sliver_index"]))
        );
        let id: SymbolId = text(&expected["symbol_id"]).parse().unwrap();
        assert_eq!(general.id(), id);
        assert_eq!(
            bcs::to_bytes(&symbol).unwrap(),
            bytes(&expected["recovery_symbol_bcs"])
        );
        let wire = bcs::to_bytes(&general).unwrap();
        assert_eq!(wire, bytes(&expected["general_recovery_symbol_bcs"]));
        let wire = bcs::to_bytes::<EitherDecodingSymbol>(&general.symbol).unwrap();
        assert_eq!(wire, bytes(&expected["either_decoding_symbol_bcs"]));
        assert_eq!(symbol.verify(metadata, target), Ok(()));
        assert_eq!(general.verify(metadata, target, A::TYPE), Ok(()));
        assert_eq!(general.into_decoding_symbol::<A>(), symbol.symbol);
        symbols.push(symbol);
    }
    let expected: SliverData<A> = bcs::from_bytes(&bytes(&case["recovered_sliver_bcs"])).unwrap();
    let bare: Vec<DecodingSymbol<A>> = symbols.iter().map(|s| s.symbol.clone()).collect();
    assert_eq!(
        encoder
            .recover_sliver(metadata, target, bare.clone())
            .unwrap(),
        expected
    );
    let too_few = encoder.recover_sliver(metadata, target, bare[1..].to_vec());
    assert!(matches!(
        too_few,
        Err(SliverRecoveryError::NotEnoughSymbols { .. })
    ));
    let recovered = encoder.recover_or_prove(metadata, target, symbols).unwrap();
    assert_eq!(recovered, Recovered::Sliver(expected));
}

#[test]
fn recovery() {
    for case in list(&load("core-recovery.json")["cases"]) {
        let encoder = encoder(&case["n_shards"]);
        let n = encoder.n_shards();
        let blob = generate(&case["generator"], number(&case["size"]));
        let (pairs, metadata) = encoder.encode(&blob).unwrap();
        assert_eq!(metadata.blob_id().to_string(), text(&case["blob_id"]));
        if case["target_type"] == "primary" {
            check_recovery::<Primary>(case, &encoder, &metadata, |pair, target| {
                let source = &pairs[pair.as_usize()];
                let index = target.sliver_index(SliverType::Primary, n);
                let general = general_symbol(&encoder, source, index, SliverType::Primary);
                (
                    encoder.recovery_symbol(&source.secondary, target).unwrap(),
                    general,
                )
            });
        } else {
            check_recovery::<Secondary>(case, &encoder, &metadata, |pair, target| {
                let source = &pairs[pair.as_usize()];
                let index = target.sliver_index(SliverType::Secondary, n);
                let general = general_symbol(&encoder, source, index, SliverType::Secondary);
                (
                    encoder.recovery_symbol(&source.primary, target).unwrap(),
                    general,
                )
            });
        }
    }
}

#[test]
fn symbol_verification() {
    for case in list(&load("core-recovery.json")["verify"]) {
        let encoder = encoder(&case["n_shards"]);
        let blob = generate(&case["generator"], number(&case["size"]));
        let metadata = encoder.metadata(&blob).unwrap();
        let symbol: GeneralRecoverySymbol =
            bcs::from_bytes(&bytes(&case["general_recovery_symbol_bcs"])).unwrap();
        let target = SliverIndex(number(&case["target_index"]));
        let axis: SliverType = text(&case["target_type"]).parse().unwrap();
        let result = match symbol.verify(&metadata, target, axis) {
            Ok(()) => "ok".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        // Symbols that do not lie on the target are refused, as the vectors allow.
        if case["implementation_may_reject"] == true {
            assert_eq!(result, "SymbolNotUsable");
        } else {
            assert_eq!(result, text(&case["result"]), "{}", case["label"]);
        }
    }
}

#[test]
fn inconsistency_proofs() {
    use InconsistencyVerificationError as Error;
    for case in list(&load("core-inconsistency.json")["cases"]) {
        let encoder = encoder(&case["n_shards"]);
        let wire: BlobMetadataWithId =
            bcs::from_bytes(&bytes(&case["metadata_with_id_bcs"])).unwrap();
        let metadata = wire.verify(encoder.n_shards()).unwrap();
        assert_eq!(metadata.blob_id().to_string(), text(&case["blob_id"]));
        let proof: InconsistencyProof =
            bcs::from_bytes(&bytes(&case["inconsistency_proof_bcs"])).unwrap();
        let result = match encoder.verify_inconsistency_proof(&metadata, &proof) {
            Ok(()) => "ok".to_owned(),
            Err(Error::SymbolCount { actual, expected }) => {
                format!("IncorrectSymbolCount({expected}, {actual})")
            }
            Err(Error::InvalidSymbol(_)) => "InvalidRecoverySymbols".to_owned(),
            Err(Error::Recovery(_)) => "RecoveryFailure".to_owned(),
            Err(Error::SliverNotInconsistent) => "SliverNotInconsistent".to_owned(),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(result, text(&case["result"]), "{}", case["label"]);
    }
}
