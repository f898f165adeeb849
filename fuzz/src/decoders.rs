//! What the fuzz targets do with their input. Nothing may panic, and nothing that is accepted may
//! contradict itself.

use std::sync::OnceLock;

use walrus_core::{
    BlobMetadataWithId, NShards, PrimarySliver, ProtocolCertificate, SecondarySliver, Sliver,
    SliverIndex, SliverType, StorageConfirmation, VerifiedMetadata,
    inconsistency::InconsistencyProof,
    keys::{NetworkKeyPair, ProtocolKeyPair},
    merkle::{MerkleProof, Node},
    messages::{ConfirmationBody, ProtocolMessage, SyncShardResponse},
    quilt::{QuiltIndex, QuiltPatchId},
    sliver::{Primary, Secondary, SliverView},
    symbol::{GeneralRecoverySymbol, RecoverySymbol},
};
use walrus_encoder::{
    ConsistencyCheck, Encoder,
    quilt::{Quilt, QuiltSlivers},
};

/// A small network, and the metadata of a blob on it.
fn network() -> &'static (Encoder, VerifiedMetadata) {
    static NETWORK: OnceLock<(Encoder, VerifiedMetadata)> = OnceLock::new();
    NETWORK.get_or_init(|| {
        let encoder = Encoder::new(NShards::new(4).expect("not zero")).expect("supported");
        let metadata = encoder.metadata(b"twenty bytes of blob").expect("small");
        (encoder, metadata)
    })
}

/// Blob metadata.
pub(crate) fn metadata(bytes: &[u8]) {
    let Ok(wire) = bcs::from_bytes::<BlobMetadataWithId>(bytes) else {
        return;
    };
    assert_eq!(
        bcs::to_bytes(&wire).expect("it was decoded"),
        bytes,
        "one form for each value"
    );
    let shards = u16::try_from(wire.metadata.hashes().len())
        .ok()
        .and_then(NShards::new);
    if let Some(Ok(verified)) = shards.map(|n| wire.clone().verify(n)) {
        assert_eq!(verified.as_wire(), &wire);
        let _ = verified.encoded_length();
    }
}

/// Slivers, alone and in answers to shard synchronisation.
pub(crate) fn sliver(bytes: &[u8]) {
    let (encoder, metadata) = network();
    let _ = bcs::from_bytes::<SyncShardResponse>(bytes);
    if let Ok(sliver) = bcs::from_bytes::<PrimarySliver>(bytes) {
        let _ = encoder.expand_sliver(&sliver);
        let slivers = [sliver.clone(), sliver];
        let _ = encoder.decode(metadata, slivers.clone(), ConsistencyCheck::Default);
        let _ = encoder.decode_range(metadata, &slivers, 3..15);
    }
    if let Ok(sliver) = bcs::from_bytes::<SecondarySliver>(bytes) {
        let _ = encoder.expand_sliver(&sliver);
        let _ = encoder.decode(metadata, [sliver.clone()], ConsistencyCheck::Strict);
        let _ = QuiltSlivers::new(metadata).insert(sliver);
    }
    if let Ok(sliver) = bcs::from_bytes::<Sliver>(bytes) {
        let _ = sliver.symbols().get(usize::MAX);
    }
    if let Ok(sliver) = bcs::from_bytes::<SliverView<'_>>(bytes) {
        for axis in [SliverType::Primary, SliverType::Secondary] {
            let _ = encoder.verify_sliver_view(axis, sliver, metadata);
        }
    }
}

/// Recovery symbols.
pub(crate) fn symbol(bytes: &[u8]) {
    let (encoder, metadata) = network();
    if let Ok(symbols) = bcs::from_bytes::<Vec<GeneralRecoverySymbol>>(bytes) {
        for symbol in &symbols {
            for axis in [SliverType::Primary, SliverType::Secondary] {
                let _ = symbol.verify(metadata, symbol.id().sliver_index(axis), axis);
            }
        }
        let symbols = symbols
            .into_iter()
            .map(GeneralRecoverySymbol::into_decoding_symbol::<Primary>);
        let _ = encoder.recover_sliver(metadata, SliverIndex(1), symbols);
    }
    if let Ok(symbol) = bcs::from_bytes::<RecoverySymbol<Secondary>>(bytes) {
        let _ = symbol.verify(metadata, symbol.symbol.index);
        let _ = encoder.recover_or_prove(metadata, SliverIndex(9), vec![symbol; 3]);
    }
}

/// Merkle proofs and proofs of inconsistency.
pub(crate) fn proof(bytes: &[u8]) {
    let (encoder, metadata) = network();
    if let Ok(proof) = bcs::from_bytes::<MerkleProof>(bytes) {
        for (count, index) in [(0, 0), (4, 3), (usize::MAX, usize::MAX)] {
            assert!(
                proof
                    .verify(&Node::Digest([7; 32]), count, b"leaf", index)
                    .is_err()
            );
        }
    }
    if let Ok(proof) = bcs::from_bytes::<InconsistencyProof>(bytes) {
        assert!(
            encoder
                .verify_inconsistency_proof(metadata, &proof)
                .is_err(),
            "an honest blob was proven inconsistent"
        );
    }
}

/// Quilts: as a whole, and column by column.
pub(crate) fn quilt(bytes: &[u8]) {
    let _ = bcs::from_bytes::<QuiltIndex>(bytes);
    if let Ok(id) = String::from_utf8_lossy(bytes).parse::<QuiltPatchId>() {
        let _ = id.columns();
    }
    let n = NShards::new(10).expect("not zero");
    let Ok(quilt) = Quilt::open(n, bytes.to_vec()) else {
        return;
    };
    for entry in quilt.index().iter() {
        let _ = quilt.patch(entry.columns());
    }
    let _ = quilt.patch(0..u16::MAX);
    let encoder = Encoder::new(n).expect("supported");
    let (pairs, metadata) = encoder.encode(bytes).expect("quilts are small enough");
    let mut slivers = QuiltSlivers::new(&metadata);
    for pair in pairs {
        let _ = slivers.insert(pair.secondary);
    }
    let index = slivers.index().expect("the whole quilt has this index");
    assert_eq!(&index, quilt.index());
    for entry in index.iter() {
        assert_eq!(slivers.patch(entry.columns()), quilt.patch(entry.columns()));
    }
}

/// Certificates, signed messages, confirmations and key files.
pub(crate) fn certificate(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let key = ProtocolKeyPair::from_seed([1; 32]).public();
    let certificates = [
        bcs::from_bytes::<ProtocolCertificate>(bytes).ok(),
        serde_json::from_str(&text).ok(),
    ];
    for certificate in certificates.into_iter().flatten() {
        let _ = certificate.signers_bitmap(10);
        assert!(
            certificate.verify(&[key]).is_err(),
            "a forged certificate was accepted"
        );
    }
    let confirmations = [
        bcs::from_bytes::<StorageConfirmation>(bytes).ok(),
        serde_json::from_str(&text).ok(),
    ];
    for StorageConfirmation::Signed(signed) in confirmations.into_iter().flatten() {
        assert!(
            signed.verify_signature(&key).is_err(),
            "a forged confirmation was accepted"
        );
    }
    if let Ok(message) = ProtocolMessage::<ConfirmationBody>::from_bytes(bytes) {
        assert_eq!(message.to_bytes(), bytes, "one form for each value");
    }
    let _ = ProtocolKeyPair::from_key_file(&text);
    let _ = NetworkKeyPair::from_key_file(&text);
}
