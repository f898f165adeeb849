//! The known-good data for everything in this crate.

#![allow(clippy::unwrap_used)] // helpers of tests

mod common;

use std::fmt::Debug;

use common::{bytes, list, load, number, text};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use walrus_core::{
    BlobId, BlobMetadata, BlobMetadataWithId, BlobPersistence, EncodingType, NShards,
    NetworkKeyPair, NetworkPublicKey, ObjectId, PrimarySliver, ProtocolCertificate,
    ProtocolKeyPair, ProtocolPublicKey, SecondarySliver, ShardIndex, SignedMessage, Sliver,
    SliverId, SliverIndex, SliverPair, SliverPairIndex, SliverPairMetadata, SliverType,
    StorageConfirmation, SuiAddress, SymbolId, bft,
    inconsistency::InconsistencyProof,
    keys::tls_server_name,
    merkle::{MerkleProof, MerkleTree, Node},
    messages::{
        ConfirmationBody, Intent, InvalidBlobId, MessageBody, ProtocolMessage, SyncShardRequest,
        SyncShardResponse,
    },
    metadata::MetadataVerificationError,
    params,
    quilt::{QuiltIndex, QuiltMetadata, QuiltPatchId, QuiltPatchV1, QuiltVersion},
    sliver::Primary,
    symbol::{
        DecodingSymbol, EitherDecodingSymbol, EitherRecoverySymbol, GeneralRecoverySymbol,
        RecoverySymbol, RecoverySymbolPair,
    },
};

fn shards(value: &Value) -> NShards {
    NShards::new(number(value)).expect("not zero")
}

fn blob_id(value: &Value) -> BlobId {
    text(value).parse().expect("a blob ID")
}

#[test]
fn params() {
    let vectors = load("core-params.json");
    for row in list(&vectors["params"]) {
        let n = shards(&row["n_shards"]);
        let (primary, secondary) = params::source_symbols(n);
        assert_eq!(bft::max_faulty(n), number::<u16>(&row["f"]));
        assert_eq!(bft::min_correct(n), number::<u16>(&row["min_n_correct"]));
        assert_eq!(primary, number::<u16>(&row["primary_source_symbols"]));
        assert_eq!(secondary, number::<u16>(&row["secondary_source_symbols"]));
        assert_eq!(
            params::source_symbols_per_blob(n),
            number::<u64>(&row["source_symbols_per_blob"])
        );
        assert_eq!(
            params::max_blob_size(n),
            number::<u64>(&row["max_blob_size"])
        );
        assert_eq!(
            params::max_sliver_size(n),
            number::<u64>(&row["max_sliver_size"])
        );
        assert_eq!(
            params::metadata_length(n),
            number::<u64>(&row["metadata_length"])
        );
    }
    for row in list(&vectors["encoded_length"]) {
        let (n, length): (_, u64) = (shards(&row[0]), number(&row[1]));
        let symbol = params::symbol_size(n, length).ok();
        assert_eq!(
            symbol.map(|size| u64::from(size.get())),
            row[2].as_u64(),
            "{row}"
        );
        let Some(symbol) = symbol else {
            assert_eq!(params::encoded_length(n, length), None);
            continue;
        };
        let per_pair = [SliverType::Primary, SliverType::Secondary]
            .map(|axis| axis.sliver_size(n, symbol) as u64);
        let slivers = u64::from(n.get()) * per_pair.iter().sum::<u64>();
        assert_eq!(slivers, number::<u64>(&row[3]), "{row}");
        let encoded = params::encoded_length(n, length).expect("not too large");
        assert_eq!(encoded, number::<u64>(&row[4]), "{row}");
        assert_eq!(
            params::storage_units(encoded),
            number::<u64>(&row[5]),
            "{row}"
        );
    }
}

#[test]
fn mapping() {
    let vectors = load("core-mapping.json");
    for case in list(&vectors["cases"]) {
        let (id, n) = (blob_id(&case["blob_id"]), shards(&case["n_shards"]));
        assert_eq!(hex::encode(id), text(&case["blob_id_hex"]));
        assert_eq!(id.to_u256_decimal(), text(&case["blob_id_u256"]));
        assert_eq!(
            BlobId::from_u256_decimal(text(&case["blob_id_u256"])),
            Ok(id)
        );
        assert_eq!(id.rotation(n), number::<u16>(&case["rotation_offset"]));
        // Large networks come without the table.
        for row in case["pair_shard_primary_secondary"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let [pair, shard, primary, secondary] = [0, 1, 2, 3].map(|i| number::<u16>(&row[i]));
            let pair = SliverPairIndex(pair);
            assert_eq!(pair.to_shard(&id, n), ShardIndex(shard));
            assert_eq!(ShardIndex(shard).to_pair(&id, n), pair);
            assert_eq!(
                pair.sliver_index(SliverType::Primary, n),
                SliverIndex(primary)
            );
            assert_eq!(
                pair.sliver_index(SliverType::Secondary, n),
                SliverIndex(secondary)
            );
            assert_eq!(
                SliverIndex(secondary).to_pair(SliverType::Secondary, n),
                pair
            );
        }
    }
    for case in list(&vectors["blob_id_parse"]) {
        let parsed = text(&case["text"]).parse::<BlobId>();
        assert_eq!(parsed.is_ok(), case["valid"] == true, "{case}");
    }
}

#[test]
fn merkle() {
    let vectors = load("core-merkle.json");
    for case in list(&vectors["trees"]) {
        let leaves: Vec<Vec<u8>> = list(&case["leaves"]).iter().map(bytes).collect();
        let tree = MerkleTree::build(&leaves);
        assert_eq!(tree.root().as_bytes()[..], bytes(&case["root"]));
        assert_eq!(
            tree.root() == Node::Empty,
            case["root_is_empty_variant"] == true
        );
        for (index, proof) in list(&case["proofs_bcs"]).iter().enumerate() {
            let actual = tree.proof(index).expect("there is such a leaf");
            assert_eq!(bcs::to_bytes(&actual).unwrap(), bytes(proof));
        }
    }
    for case in list(&vectors["verify"]) {
        let proof: MerkleProof = bcs::from_bytes(&bytes(&case["proof_bcs"])).unwrap();
        let root = Node::Digest(bytes(&case["root"]).try_into().expect("32 bytes"));
        let (leaf, count) = (bytes(&case["leaf"]), number(&case["leaf_count"]));
        let result = match proof.verify(&root, count, &leaf, number(&case["leaf_index"])) {
            Ok(()) => "ok".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(result, text(&case["result"]), "{}", case["label"]);
    }
}

#[test]
fn metadata_verification() {
    for case in list(&load("core-verify.json")["metadata"]) {
        let wire: BlobMetadataWithId =
            bcs::from_bytes(&bytes(&case["metadata_with_id_bcs"])).unwrap();
        let result = match wire.verify(shards(&case["n_shards"])) {
            Ok(_) => "ok".to_owned(),
            Err(MetadataVerificationError::BlobIdMismatch { .. }) => "BlobIdMismatch".to_owned(),
            Err(MetadataVerificationError::UnencodedLengthTooLarge(_)) => {
                "UnencodedLengthTooLarge".to_owned()
            }
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(result, text(&case["result"]), "{}", case["label"]);
    }
}

#[test]
fn node_keys() {
    for node in list(&load("core-messages.json")["nodes"]) {
        let secret = bytes(&node["secret_key"]).try_into().expect("32 bytes");
        let pair = ProtocolKeyPair::from_secret_bytes(&secret).unwrap();
        assert_eq!(pair.public().0[..], bytes(&node["public_key"]));
        assert_eq!(pair.public().to_string(), text(&node["public_key_base64"]));
        assert_eq!(pair.to_key_file(), text(&node["keypair_text"]));
        let address = SuiAddress(bytes(&node["sui_address"]).try_into().expect("32 bytes"));
        let proof = pair.proof_of_possession(number(&node["pop_epoch"]), address);
        assert_eq!(proof.serialized_message, bytes(&node["pop_message_bcs"]));
        assert_eq!(proof.signature.0[..], bytes(&node["pop_signature"]));
    }
}

#[test]
fn network_keys() {
    for key in list(&load("core-messages.json")["network_keys"]) {
        let secret = bytes(&key["secret_key"]).try_into().expect("32 bytes");
        let pair = NetworkKeyPair::from_secret_bytes(&secret).unwrap();
        let public = pair.public();
        assert_eq!(public.0[..], bytes(&key["public_key_compressed"]));
        assert_eq!(public.to_string(), text(&key["public_key_base64"]));
        assert_eq!(
            bcs::to_bytes(&public).unwrap(),
            bytes(&key["public_key_bcs"])
        );
        assert_eq!(pair.to_key_file(), text(&key["keypair_text"]));
        assert_eq!(pair.to_pkcs8_pem(), text(&key["pkcs8_pem"]));
        for file in ["keypair_text", "pkcs8_pem"] {
            let read = NetworkKeyPair::from_key_file(text(&key[file])).unwrap();
            assert_eq!(read.public(), public);
        }
        assert_eq!(tls_server_name(&public), text(&key["tls_server_name"]));
        assert_eq!(
            serde_json::to_value(public).unwrap(),
            key["public_key_base64"]
        );
        assert_eq!(
            text(&key["public_key_base64"]).parse::<NetworkPublicKey>(),
            Ok(public)
        );
    }
}

/// Signs the message with every node's key, and compares everything that follows.
fn check_message<T: MessageBody + PartialEq + Clone + Debug>(
    case: &Value,
    nodes: &[Value],
    body: &T,
) {
    let epoch = number(&case["epoch"]);
    assert_eq!(
        ProtocolMessage::new(epoch, body.clone()).to_bytes(),
        bytes(&case["message_bcs"])
    );
    for (index, (node, signature)) in nodes.iter().zip(list(&case["signatures"])).enumerate() {
        let pair = ProtocolKeyPair::from_key_file(text(&node["keypair_text"])).unwrap();
        let signed = pair.sign_message(epoch, body.clone());
        assert_eq!(signed.signature.0[..], bytes(signature));
        assert_eq!(
            signed.verify(&pair.public(), epoch, body).unwrap().body,
            *body
        );
        if index == 0 {
            let (wire, json) = (
                &case["signed_message_bcs_of_node_0"],
                &case["signed_message_json_of_node_0"],
            );
            round_trip(&bytes(wire), json, &signed);
        }
    }
}

#[test]
fn signed_messages() {
    let vectors = load("core-messages.json");
    let nodes = list(&vectors["nodes"]);
    for case in list(&vectors["messages"]) {
        let blob_id = blob_id(&case["blob_id"]);
        let object_id = ObjectId(bytes(&case["object_id"]).try_into().expect("32 bytes"));
        let confirmation = |persistence| ConfirmationBody {
            blob_id,
            persistence,
        };
        match text(&case["name"]) {
            "confirmation_permanent" => {
                check_message(case, nodes, &confirmation(BlobPersistence::Permanent));
            }
            "confirmation_deletable" => {
                check_message(
                    case,
                    nodes,
                    &confirmation(BlobPersistence::Deletable { object_id }),
                );
            }
            "invalid_blob_id" => check_message(case, nodes, &InvalidBlobId(blob_id)),
            "sync_shard" => {
                let message =
                    ProtocolMessage::<SyncShardRequest>::from_bytes(&bytes(&case["message_bcs"]));
                check_message(case, nodes, &message.unwrap().body);
            }
            other => panic!("unknown message {other}"),
        }
    }
}

#[test]
fn certificates() {
    let vectors = load("core-messages.json");
    let nodes = list(&vectors["nodes"]);
    let messages = list(&vectors["messages"]);
    for case in list(&vectors["certificates"]) {
        let message = messages
            .iter()
            .find(|message| message["name"] == case["message"])
            .expect("listed");
        let signers: Vec<u16> = list(&case["signers"]).iter().map(number).collect();
        let signed = signers.iter().map(|signer| {
            let signature = bytes(&message["signatures"][usize::from(*signer)]);
            let signature = <[u8; 96]>::try_from(signature).expect("96 bytes");
            (
                *signer,
                SignedMessage::<ConfirmationBody>::new(
                    bytes(&message["message_bcs"]),
                    signature.into(),
                ),
            )
        });
        let certificate = ProtocolCertificate::aggregate(signed).unwrap();
        assert_eq!(
            certificate.signature.0[..],
            bytes(&case["aggregate_signature"])
        );
        round_trip(
            &bytes(&case["certificate_bcs"]),
            &case["certificate_json"],
            &certificate,
        );
        let bitmap = certificate.signers_bitmap(nodes.len()).unwrap();
        assert_eq!(bitmap, bytes(&case["signers_bitmap"]));
        let members = signers.iter().map(|signer| &nodes[usize::from(*signer)]);
        let weight = members
            .clone()
            .map(|node| number::<usize>(&node["weight"]))
            .sum();
        let n = shards(&case["n_shards"]);
        assert_eq!(weight, number::<usize>(&case["weight"]));
        assert_eq!(bft::is_quorum(weight, n), case["quorum_on_chain"] == true);
        assert_eq!(
            bft::is_above_validity(weight, n),
            case["one_correct_on_chain"] == true
        );
        let keys: Vec<ProtocolPublicKey> = members
            .map(|node| text(&node["public_key_base64"]).parse().unwrap())
            .collect();
        assert_eq!(certificate.verify(&keys), Ok(()));
    }
}

#[test]
fn confirmation_decoding() {
    for case in list(&load("core-messages.json")["confirmation_decoding"]) {
        let decoded = ProtocolMessage::<ConfirmationBody>::from_bytes(&bytes(&case["bytes"]));
        assert_eq!(
            decoded.is_ok(),
            case["decodes"] == true,
            "{}",
            case["label"]
        );
    }
}

/// Both forms decode to the value, and the value encodes to both.
fn round_trip<T>(wire: &[u8], json: &Value, value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    assert_eq!(bcs::to_bytes(value).unwrap(), wire);
    assert_eq!(serde_json::to_value(value).unwrap(), *json);
    assert_eq!(bcs::from_bytes::<T>(wire).unwrap(), *value);
    assert_eq!(serde_json::from_value::<T>(json.clone()).unwrap(), *value);
}

fn check_type<T: Serialize + DeserializeOwned + PartialEq + Debug>(case: &Value) {
    let wire = bytes(&case["bcs"]);
    let value: T = bcs::from_bytes(&wire).unwrap_or_else(|error| panic!("{error}: {case}"));
    round_trip(&wire, &case["json"], &value);
}

#[test]
fn wire_types() {
    for case in list(&load("core-bcs_types.json")["types"]) {
        let check = match text(&case["type"]) {
            "EncodingType::RS2" => check_type::<EncodingType>,
            "BlobId" => check_type::<BlobId>,
            "SliverIndex(258)" => check_type::<SliverIndex>,
            "SliverPairIndex(258)" => check_type::<SliverPairIndex>,
            "ShardIndex(258)" => check_type::<ShardIndex>,
            "SliverType::Primary" | "SliverType::Secondary" => check_type::<SliverType>,
            "SymbolId(17,515)" => check_type::<SymbolId>,
            "SliverId Secondary(3)" => check_type::<SliverId>,
            "Node::Empty" | "Node::Digest([7;32])" => check_type::<Node>,
            "MerkleProof[Empty,Digest]" => check_type::<MerkleProof>,
            "SliverPairMetadata" => check_type::<SliverPairMetadata>,
            "BlobMetadata" => check_type::<BlobMetadata>,
            "BlobMetadataWithId" => check_type::<BlobMetadataWithId>,
            "SliverData<Primary>" => check_type::<PrimarySliver>,
            "SliverData<Secondary>" => check_type::<SecondarySliver>,
            "Sliver::Primary" | "Sliver::Secondary" => check_type::<Sliver>,
            "SliverPair" => check_type::<SliverPair>,
            "DecodingSymbol<Primary>(index 3,[1,2])" => check_type::<DecodingSymbol<Primary>>,
            "EitherDecodingSymbol::Primary" | "EitherDecodingSymbol::Secondary" => {
                check_type::<EitherDecodingSymbol>
            }
            "RecoverySymbol<Primary,MerkleProof>" => check_type::<RecoverySymbol<Primary>>,
            "RecoverySymbol enum (ByAxis) Primary" => check_type::<EitherRecoverySymbol>,
            "GeneralRecoverySymbol" => check_type::<GeneralRecoverySymbol>,
            "Vec<GeneralRecoverySymbol>" => check_type::<Vec<GeneralRecoverySymbol>>,
            "RecoverySymbolPair" => check_type::<RecoverySymbolPair>,
            "InconsistencyProof::Primary (1 symbol)"
            | "InconsistencyProof::Secondary (1 symbol)" => check_type::<InconsistencyProof>,
            "BlobPersistenceType::Permanent" | "BlobPersistenceType::Deletable" => {
                check_type::<BlobPersistence>
            }
            "SyncShardRequest" => check_type::<SyncShardRequest>,
            "SyncShardResponse" => check_type::<SyncShardResponse>,
            "Intent storage BLOB_CERT" => check_type::<Intent>,
            "StorageConfirmation::Signed" => check_type::<StorageConfirmation>,
            "QuiltPatchId" => check_type::<QuiltPatchId>,
            "QuiltPatchV1" => check_type::<QuiltPatchV1>,
            "QuiltIndex::V1" => check_type::<QuiltIndex>,
            "QuiltVersionEnum::V1" => check_type::<QuiltVersion>,
            "QuiltMetadata::V1" => check_type::<QuiltMetadata>,
            // A type of the crate above, tested there.
            "ConsistencyCheckType::Strict" => continue,
            other => panic!("unknown type {other}"),
        };
        check(case);
    }
}

#[test]
fn strict_decoding() {
    for case in list(&load("core-bcs_types.json")["strictness"]) {
        let wire = bytes(&case["bytes"]);
        let decodes = match text(&case["type"]) {
            "BlobMetadataWithId" => bcs::from_bytes::<BlobMetadataWithId>(&wire).is_ok(),
            "SliverData<Primary>" => bcs::from_bytes::<PrimarySliver>(&wire).is_ok(),
            other => panic!("unknown type {other}"),
        };
        assert_eq!(decodes, case["decodes"] == true, "{}", case["label"]);
    }
}
