//! Symbols for other nodes and for readers, and proofs that blobs are inconsistent.

use reqwest::{Response, StatusCode};
use walrus_core::{
    BlobId, NShards, SliverIndex, SliverType,
    inconsistency::{InconsistencyProof, SliverInconsistencyProof},
    keys::ProtocolPublicKey,
    messages::{InvalidBlobId, SignedMessage},
    metadata::VerifiedMetadata,
    node_api::{DecodingSymbolsResponse, paths},
    sliver::{Axis, Primary, Secondary, SliverData},
    symbol::{EitherDecodingSymbol, GeneralRecoverySymbol, RecoverySymbol},
};
use walrus_encoder::Encoder;

use crate::harness::{
    N_SHARDS, OWNED, TestBlob, TestNode, assert_refused, data, n_shards, protocol_key,
};

const FP: &str = "FAILED_PRECONDITION";
const IA: &str = "INVALID_ARGUMENT";

async fn stored(test: &TestNode, seed: u8) -> TestBlob {
    let blob = TestBlob::new(seed, 5_000);
    test.store(&blob, 10).await;
    blob
}

async fn ask(test: &TestNode, blob: &TestBlob, query: &str) -> Response {
    test.get(&format!("{}?{query}", paths::recovery_symbols(&blob.id())))
        .await
}

async fn symbols(response: Response) -> Vec<GeneralRecoverySymbol> {
    assert_eq!(response.status(), StatusCode::OK);
    bcs::from_bytes(&response.bytes().await.unwrap()).unwrap()
}

/// Indices of the slivers of an axis that the node holds of a blob.
fn held(blob: &TestBlob, axis: SliverType) -> Vec<SliverIndex> {
    let index = |shard: &u16| blob.pair_of(*shard).sliver_index(axis, n_shards());
    let mut held: Vec<_> = OWNED.iter().map(index).collect();
    held.sort_unstable();
    held
}

#[tokio::test]
async fn every_symbol_of_a_target_is_proven_and_helps_to_recover_it() {
    let test = TestNode::start().await;
    let blob = stored(&test, 1).await;
    // Shard 3 is another node's.
    let pair = blob.pair_of(3);
    for target_axis in [SliverType::Primary, SliverType::Secondary] {
        let target = pair.sliver_index(target_axis, n_shards());
        let query = format!(
            "targetSliver={target}&targetType={target_axis}&proofAxis={}",
            target_axis.orthogonal()
        );
        let found = symbols(ask(&test, &blob, &query).await).await;
        let sources: Vec<_> = found.iter().map(|symbol| symbol.symbol.index()).collect();
        assert_eq!(sources, held(&blob, target_axis.orthogonal()));
        for symbol in &found {
            assert_eq!(symbol.source_axis(), target_axis.orthogonal());
            symbol.verify(blob.metadata(), target, target_axis).unwrap();
        }
    }
    // Two slivers could be recovered with it; each was expanded once for each axis.
    let query = "targetSliver=0&targetType=primary&proofAxis=secondary";
    symbols(ask(&test, &blob, query).await).await;
    let expanded = test.node().service().metrics().expanded_slivers.get();
    assert_eq!(expanded, u64::try_from(2 * OWNED.len()).unwrap());
}

#[tokio::test]
async fn symbols_by_name_come_sorted_once_and_as_far_as_they_are_here() {
    let test = TestNode::start().await;
    let blob = stored(&test, 2).await;
    let mine = held(&blob, SliverType::Primary)[0];
    let theirs = (0..N_SHARDS)
        .map(SliverIndex)
        .find(|index| !held(&blob, SliverType::Primary).contains(index))
        .unwrap();
    let query = format!("id={mine}-9&id={theirs}-0&id={mine}-0&id={mine}-9&proofAxis=primary");
    let found = symbols(ask(&test, &blob, &query).await).await;
    let ids: Vec<_> = found.iter().map(|symbol| symbol.id().to_string()).collect();
    assert_eq!(ids, [format!("{mine}-0"), format!("{mine}-9")]);
    for symbol in &found {
        let column = symbol.id().secondary;
        symbol
            .verify(blob.metadata(), column, SliverType::Secondary)
            .unwrap();
    }
    // Without a proof axis either of the two slivers through a symbol will do.
    let column = held(&blob, SliverType::Secondary)[0];
    let either = format!("id={theirs}-{column}");
    let found = symbols(ask(&test, &blob, &either).await).await;
    assert_eq!(found[0].source_axis(), SliverType::Secondary);
}

#[tokio::test]
async fn decoding_symbols_are_cells_of_source_slivers() {
    let test = TestNode::start().await;
    let blob = stored(&test, 3).await;
    let path = paths::decoding_symbols(&blob.id());
    let query = "targetSlivers=3&targetSlivers=0&targetType=primary";
    let response = test.get(&format!("{path}?{query}")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let answer: DecodingSymbolsResponse =
        bcs::from_bytes(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(
        answer.keys().copied().collect::<Vec<_>>(),
        [SliverIndex(0), SliverIndex(3)]
    );
    for (target, symbols) in answer {
        assert_eq!(symbols.len(), OWNED.len());
        let row = &blob
            .pair(target.to_pair(SliverType::Primary, n_shards()))
            .primary;
        for symbol in symbols {
            let EitherDecodingSymbol::Primary(symbol) = symbol else {
                panic!("a symbol of the other axis");
            };
            // Beyond the source columns the row has no cell to compare with.
            if let Some(cell) = row.symbols.get(symbol.index.as_usize()) {
                assert_eq!(cell, symbol.data);
            }
        }
    }
    for (query, reason, status) in [
        ("targetSlivers=0", "NO_TARGET_SLIVERS_SPECIFIED", FP),
        ("targetType=primary", "NO_TARGET_SLIVERS_SPECIFIED", FP),
        (
            "targetSlivers=4&targetType=primary",
            "INDEX_OUT_OF_RANGE",
            IA,
        ),
        (
            "targetSlivers=7&targetType=secondary",
            "INDEX_OUT_OF_RANGE",
            IA,
        ),
    ] {
        let response = test.get(&format!("{path}?{query}")).await;
        assert_refused(response, 400, status, reason).await;
    }
    let malformed = test.get(&format!("{path}?targetSlivers=x")).await;
    assert_eq!(malformed.status(), StatusCode::BAD_REQUEST);
    let unknown = paths::decoding_symbols(&BlobId([7; 32]));
    let response = test.get(&format!("{unknown}?{query}")).await;
    assert_refused(response, 404, "NOT_FOUND", "SLIVER_NOT_FOUND").await;
}

#[tokio::test]
async fn requests_for_symbols_that_cannot_be_answered() {
    let test = TestNode::start().await;
    let blob = stored(&test, 4).await;
    let theirs = (0..N_SHARDS)
        .map(SliverIndex)
        .find(|index| !held(&blob, SliverType::Primary).contains(index))
        .unwrap();
    let elsewhere = format!("id={theirs}-0&proofAxis=primary");
    let many = (0..4)
        .flat_map(|row| (0..3).map(move |column| format!("id={row}-{column}")))
        .collect::<Vec<_>>()
        .join("&");
    for (query, status, reason) in [
        ("", FP, "NO_SYMBOLS_SPECIFIED"),
        ("proofAxis=primary", FP, "NO_SYMBOLS_SPECIFIED"),
        (
            "id=1-1&targetSliver=1&targetType=primary",
            IA,
            "INVALID_FILTER",
        ),
        ("targetSliver=1", IA, "INVALID_FILTER"),
        (many.as_str(), IA, "INVALID_FILTER"),
        ("id=10-0", IA, "RECOVERY_SYMBOL_OUT_OF_RANGE"),
        ("id=0-10", IA, "RECOVERY_SYMBOL_OUT_OF_RANGE"),
        (
            "targetSliver=10&targetType=primary",
            IA,
            "INDEX_OUT_OF_RANGE",
        ),
        (elsewhere.as_str(), FP, "SYMBOL_NOT_PRESENT_AT_SHARDS"),
    ] {
        assert_refused(ask(&test, &blob, query).await, 400, status, reason).await;
    }
    for query in ["id=1", "id=1-x", "targetSliver=-1", "targetType=both"] {
        let response = ask(&test, &blob, query).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let content_type = response.headers()["content-type"].to_str().unwrap();
        assert!(content_type.starts_with("text/plain"), "{content_type}");
    }
    let unknown = TestBlob::new(99, 5_000);
    let target = "targetSliver=0&targetType=primary";
    for register in [false, true] {
        if register {
            test.chain.register(unknown.id(), unknown.tag(), 10);
            test.caught_up().await;
        }
        let response = ask(&test, &unknown, target).await;
        assert_refused(response, 404, "NOT_FOUND", "SLIVER_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn a_busy_node_says_when_to_come_back() {
    let test = TestNode::start_with(|config| {
        let rest = &mut config.rest_server;
        rest.experimental_max_active_recovery_symbols_requests = Some(0);
    })
    .await;
    let blob = stored(&test, 5).await;
    let decoding = format!(
        "{}?targetSlivers=0&targetType=primary",
        paths::decoding_symbols(&blob.id())
    );
    let recovery = ask(&test, &blob, "id=0-0").await;
    for response in [recovery, test.get(&decoding).await] {
        assert_eq!(response.headers()["retry-after"], "1");
        assert_refused(response, 503, "UNAVAILABLE", "UNAVAILABLE").await;
    }
}

/// A blob whose metadata commits to slivers that are not one codeword: the hash of row `bad` is
/// that of another row. Gives the metadata and the proof from the columns, which all nodes hold as
/// committed.
fn inconsistent(seed: u8, bad: u16) -> (VerifiedMetadata, SliverInconsistencyProof<Primary>) {
    let encoder = Encoder::new(NShards::new(N_SHARDS).unwrap()).unwrap();
    let blob = TestBlob::new(seed, 5_000);
    let mut hashes = blob.metadata().metadata().hashes().to_vec();
    hashes[usize::from(bad)].primary_hash = hashes[usize::from((bad + 1) % N_SHARDS)].primary_hash;
    let metadata = VerifiedMetadata::compute(n_shards(), 5_000, hashes).unwrap();
    let target = SliverIndex(bad);
    let needed = encoder.symbols_to_recover::<Primary>();
    let symbols = (0..N_SHARDS)
        .map(|column| {
            let pair = SliverIndex(column).to_pair(SliverType::Secondary, n_shards());
            symbol(&encoder, &blob.pair(pair).secondary, target)
        })
        .take(needed)
        .collect();
    (metadata, SliverInconsistencyProof::new(target, symbols))
}

fn symbol(
    encoder: &Encoder,
    sliver: &SliverData<Secondary>,
    target: SliverIndex,
) -> RecoverySymbol<Primary> {
    let expanded = encoder.expand_sliver(sliver).unwrap();
    expanded.recovery_symbol(target).unwrap()
}

async fn post<A: Axis>(
    test: &TestNode,
    blob_id: &BlobId,
    axis: SliverType,
    proof: &SliverInconsistencyProof<A>,
) -> Response {
    let url = test.url(&paths::inconsistency_proof(blob_id, axis));
    let body = bcs::to_bytes(proof).unwrap();
    test.client().post(url).body(body).send().await.unwrap()
}

#[tokio::test]
async fn a_valid_proof_is_attested() {
    let test = TestNode::start().await;
    let (metadata, proof) = inconsistent(6, 2);
    let blob_id = *metadata.blob_id();
    test.chain.register(blob_id, 1, 10);
    test.caught_up().await;
    let early = post(&test, &blob_id, SliverType::Primary, &proof).await;
    assert_refused(early, 400, FP, "METADATA_NOT_FOUND").await;
    let body = bcs::to_bytes(metadata.metadata()).unwrap();
    let stored = test.put(&paths::metadata(&blob_id), body).await;
    assert_eq!(stored.status(), StatusCode::CREATED);

    let answer = data(post(&test, &blob_id, SliverType::Primary, &proof).await).await;
    let attestation: SignedMessage<InvalidBlobId> = serde_json::from_value(answer).unwrap();
    let key: ProtocolPublicKey = protocol_key().public();
    attestation
        .verify(&key, 1, &InvalidBlobId(blob_id))
        .unwrap();

    // Nothing less is.
    let mut fewer = proof.clone();
    fewer.recovery_symbols.pop();
    let mut twice = proof.clone();
    twice.recovery_symbols[1] = twice.recovery_symbols[0].clone();
    let mut other = proof.clone();
    other.target_sliver_index = SliverIndex(3);
    for wrong in [fewer, twice, other] {
        let response = post(&test, &blob_id, SliverType::Primary, &wrong).await;
        assert_refused(response, 400, IA, "INVALID_PROOF").await;
    }
}

#[tokio::test]
async fn proofs_about_good_blobs_and_other_bodies_are_refused() {
    let test = TestNode::start().await;
    let blob = stored(&test, 6).await;
    // The same columns, under metadata that commits to all rows as they are.
    let (_, proof) = inconsistent(6, 2);
    let response = post(&test, &blob.id(), SliverType::Primary, &proof).await;
    assert_refused(response, 400, IA, "INVALID_PROOF").await;
    let tagged = InconsistencyProof::from(proof);
    let path = paths::inconsistency_proof(&blob.id(), SliverType::Primary);
    for body in [bcs::to_bytes(&tagged).unwrap(), Vec::new(), vec![0xff; 9]] {
        let post = test.client().post(test.url(&path)).body(body);
        let response = post.send().await.unwrap();
        assert_refused(response, 400, IA, "INVALID_CONTENT_TYPE").await;
    }
    // The limit is that of a sliver with its proofs: for ten shards some 460 kB.
    for (length, status) in [(450_000, 400), (470_000, 413)] {
        let post = test.client().post(test.url(&path)).body(vec![1; length]);
        let response = post.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{length}");
    }
    let wrong = test
        .client()
        .post(test.url(&path.replace("primary", "both")));
    let response = wrong.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}
