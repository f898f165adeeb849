//! The known-good data for encoding, verification and decoding.

#![allow(clippy::unwrap_used)] // helpers of tests

mod common;

use common::{bytes, generate, list, load, number, sha256, text};
use serde_json::Value;
use walrus_core::{
    BlobMetadata, BlobMetadataWithId, PrimarySliver, SecondarySliver, Sliver, SliverPair,
    VerifiedMetadata, merkle::Node, params,
};
use walrus_encoder::{ConsistencyCheck, DecodeError, Encoder, NShards, SliverVerificationError};

fn encoder(value: &Value) -> Encoder {
    let n = NShards::new(number(value)).expect("not zero");
    Encoder::new(n).expect("the vectors have at least 4 shards")
}

fn check_small_parts(case: &Value, n: NShards, pairs: &[SliverPair], metadata: &VerifiedMetadata) {
    if let Some(hashes) = case["sliver_pair_hashes"].as_array() {
        assert_eq!(hashes.len(), pairs.len());
        for (actual, expected) in metadata.metadata().hashes().iter().zip(hashes) {
            assert_eq!(
                hex::encode(actual.primary_hash.as_bytes()),
                text(&expected[0])
            );
            assert_eq!(
                hex::encode(actual.secondary_hash.as_bytes()),
                text(&expected[1])
            );
        }
    }
    if let Some(expected) = case["sliver_pairs"].as_array() {
        for (pair, expected) in pairs.iter().zip(expected) {
            assert_eq!(pair.index().0, number::<u16>(&expected["pair_index"]));
            let shard = pair.index().to_shard(metadata.blob_id(), n);
            assert_eq!(shard.0, number::<u16>(&expected["shard_index"]));
            assert_eq!(
                bcs::to_bytes(&pair.primary).unwrap(),
                bytes(&expected["primary_bcs"])
            );
            assert_eq!(
                bcs::to_bytes(&pair.secondary).unwrap(),
                bytes(&expected["secondary_bcs"])
            );
        }
        let wire = bcs::to_bytes(metadata.as_wire()).unwrap();
        assert_eq!(wire, bytes(&case["metadata_with_id_bcs"]));
    }
}

fn check_encoding(case: &Value) {
    let name = &case["name"];
    let blob = generate(&case["generator"], number(&case["size"]));
    let encoder = encoder(&case["n_shards"]);
    let n = encoder.n_shards();
    if case["error"] == "DataTooLarge" {
        assert!(encoder.encode(&blob).is_err(), "{name}");
        assert!(encoder.metadata(&blob).is_err(), "{name}");
        return;
    }
    assert_eq!(sha256(&blob), text(&case["blob_sha256"]), "{name}");
    let (pairs, metadata) = encoder.encode(&blob).unwrap();
    assert_eq!(encoder.metadata(&blob).unwrap(), metadata, "{name}");
    let id = metadata.blob_id();
    assert_eq!(id.to_string(), text(&case["blob_id"]), "{name}");
    assert_eq!(hex::encode(id), text(&case["blob_id_hex"]));
    assert_eq!(id.to_u256_decimal(), text(&case["blob_id_u256"]));
    assert_eq!(id.rotation(n), number::<u16>(&case["rotation_offset"]));
    assert_eq!(
        metadata.symbol_size().get(),
        number::<u16>(&case["symbol_size"])
    );
    assert_eq!(
        metadata.encoded_length(),
        number::<u64>(&case["encoded_length"])
    );
    let root = metadata.metadata().root_hash();
    assert_eq!(hex::encode(root.as_bytes()), text(&case["root_hash"]));
    let (primary, secondary) = params::source_symbols(n);
    assert_eq!(primary, number::<u16>(&case["primary_source_symbols"]));
    assert_eq!(secondary, number::<u16>(&case["secondary_source_symbols"]));
    let wire = bcs::to_bytes(metadata.as_wire()).unwrap();
    assert_eq!(
        sha256(wire),
        text(&case["metadata_with_id_bcs_sha256"]),
        "{name}"
    );
    let slivers: Vec<u8> = pairs
        .iter()
        .flat_map(|pair| bcs::to_bytes(&pair.primary).unwrap())
        .collect();
    assert_eq!(
        sha256(slivers),
        text(&case["primary_slivers_bcs_sha256"]),
        "{name}"
    );
    let slivers: Vec<u8> = pairs
        .iter()
        .flat_map(|pair| bcs::to_bytes(&pair.secondary).unwrap())
        .collect();
    assert_eq!(
        sha256(slivers),
        text(&case["secondary_slivers_bcs_sha256"]),
        "{name}"
    );
    check_small_parts(case, n, &pairs, &metadata);
}

#[test]
fn encoding() {
    for case in list(&load("core-encoding.json")["cases"]) {
        check_encoding(case);
    }
}

#[test]
fn sliver_verification() {
    for case in list(&load("core-verify.json")["slivers"]) {
        let encoder = encoder(&case["n_shards"]);
        let wire: BlobMetadataWithId =
            bcs::from_bytes(&bytes(&case["metadata_with_id_bcs"])).unwrap();
        let metadata = wire.verify(encoder.n_shards()).unwrap();
        let sliver: Sliver = bcs::from_bytes(&bytes(&case["sliver_bcs"])).unwrap();
        let verified = match &sliver {
            Sliver::Primary(sliver) => encoder.verify_sliver(sliver, &metadata),
            Sliver::Secondary(sliver) => encoder.verify_sliver(sliver, &metadata),
        };
        let result = match verified {
            Ok(()) => "ok",
            Err(SliverVerificationError::IndexTooLarge) => "IndexTooLarge",
            Err(SliverVerificationError::SliverSizeMismatch { .. }) => "SliverSizeMismatch",
            Err(SliverVerificationError::SymbolSizeMismatch { .. }) => "SymbolSizeMismatch",
            Err(SliverVerificationError::MerkleRootMismatch) => "MerkleRootMismatch",
            Err(error) => panic!("{error}"),
        };
        assert_eq!(result, text(&case["result"]), "{}", case["label"]);
    }
}

/// The metadata of the case: given, or made from the honest one as its label says.
fn tampered_metadata(case: &Value, n: NShards, honest: &VerifiedMetadata) -> VerifiedMetadata {
    if let Some(wire) = case.get("metadata_with_id_bcs") {
        let wire: BlobMetadataWithId = bcs::from_bytes(&bytes(wire)).unwrap();
        return wire.verify(n).unwrap();
    }
    let mut hashes = honest.metadata().hashes().to_vec();
    let mut length = honest.unencoded_length();
    let replacement = Node::Digest([1; 32]);
    match text(&case["label"]) {
        "honest" => {}
        "primary_hash_0_replaced" => hashes[0].primary_hash = replacement,
        "last_primary_hash_replaced" => {
            hashes.last_mut().expect("not empty").primary_hash = replacement;
        }
        "secondary_hash_replaced" => hashes[2].secondary_hash = replacement,
        label if label.starts_with("length_shorter") => length -= 1,
        label if label.starts_with("length_longer") => length += 1,
        other => panic!("unknown label {other}"),
    }
    let metadata = BlobMetadata::new(length, hashes);
    let blob_id = metadata.compute_blob_id();
    BlobMetadataWithId { blob_id, metadata }.verify(n).unwrap()
}

fn check_decoding(case: &Value) {
    let blob = generate(&case["generator"], number(&case["size"]));
    let encoder = encoder(&case["n_shards"]);
    let n = encoder.n_shards();
    let (pairs, honest) = encoder.encode(&blob).unwrap();
    let metadata = tampered_metadata(case, n, &honest);
    assert_eq!(
        metadata.blob_id().to_string(),
        text(&case["blob_id"]),
        "{}",
        case["label"]
    );
    assert_eq!(
        metadata.unencoded_length(),
        number::<u64>(&case["unencoded_length"])
    );
    let indices: Vec<usize> = list(&case["sliver_indices"]).iter().map(number).collect();
    let last = usize::from(n.get()) - 1;
    for (name, check) in [
        ("skip", ConsistencyCheck::Skip),
        ("default", ConsistencyCheck::Default),
        ("strict", ConsistencyCheck::Strict),
    ] {
        let decoded = if case["axis"] == "primary" {
            let slivers = indices.iter().map(|index| pairs[*index].primary.clone());
            encoder.decode(&metadata, slivers, check)
        } else {
            let slivers = indices
                .iter()
                .map(|index| pairs[last - index].secondary.clone());
            encoder.decode(&metadata, slivers, check)
        };
        let expected = &case["results"][name];
        match decoded {
            Ok(decoded) => {
                assert_eq!(decoded.len(), number::<usize>(&expected["len"]));
                assert_eq!(sha256(decoded), text(&expected["ok_sha256"]));
            }
            Err(DecodeError::Inconsistent(_)) => {
                assert_eq!(expected["error"], "VerificationError", "{case}");
            }
            Err(error) => panic!("{error}: {case}"),
        }
    }
}

#[test]
fn decoding() {
    for case in list(&load("core-decode.json")["cases"]) {
        check_decoding(case);
    }
}

#[test]
fn decoding_of_raw_slivers() {
    for case in list(&load("core-decode.json")["raw"]) {
        let encoder = encoder(&case["n_shards"]);
        let blob = generate(&case["generator"], number(&case["size"]));
        let metadata = encoder.metadata(&blob).unwrap();
        let slivers = list(&case["slivers_bcs"])
            .iter()
            .map(|sliver| bcs::from_bytes::<PrimarySliver>(&bytes(sliver)).unwrap());
        let expected = &case["result"];
        match encoder.decode(&metadata, slivers, ConsistencyCheck::Skip) {
            Ok(decoded) => {
                assert_eq!(decoded == blob, expected["ok"] == true, "{}", case["label"]);
                assert_eq!(sha256(decoded), text(&expected["sha256"]));
            }
            Err(DecodeError::NotEnoughSlivers { .. }) => {
                assert_eq!(
                    expected["error"], "DecodingUnsuccessful",
                    "{}",
                    case["label"]
                );
            }
            Err(DecodeError::IndexTooLarge(_)) => {
                assert!(
                    text(&expected["error"]).starts_with("DecoderError"),
                    "{}",
                    case["label"]
                );
            }
            Err(error) => panic!("{error}: {}", case["label"]),
        }
    }
}

#[test]
fn consistency_checks_on_the_wire() {
    let vectors = load("core-bcs_types.json");
    let case = list(&vectors["types"])
        .iter()
        .find(|case| case["type"] == "ConsistencyCheckType::Strict")
        .expect("listed");
    let strict = ConsistencyCheck::Strict;
    assert_eq!(bcs::to_bytes(&strict).unwrap(), bytes(&case["bcs"]));
    assert_eq!(serde_json::to_value(strict).unwrap(), case["json"]);
}

/// Slivers survive their wire form.
#[test]
fn slivers_round_trip() {
    let encoder = Encoder::new(NShards::new(7).expect("not zero")).unwrap();
    let (pairs, _) = encoder.encode(&[5; 1000]).unwrap();
    for pair in pairs {
        let wire = bcs::to_bytes(&pair.secondary).unwrap();
        assert_eq!(
            bcs::from_bytes::<SecondarySliver>(&wire).unwrap(),
            pair.secondary
        );
    }
}
