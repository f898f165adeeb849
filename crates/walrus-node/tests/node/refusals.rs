//! Every refusal has its reason, leaves nothing behind, and leaves the node serving.

use reqwest::{Response, StatusCode, header::CONTENT_TYPE};
use walrus_contracts::events::InvalidBlobID;
use walrus_core::{
    SliverPairIndex, SliverType,
    node_api::{OCTET_STREAM, paths},
};

use crate::harness::{N_SHARDS, OWNED, TestBlob, TestNode, assert_refused};

const FP: &str = "FAILED_PRECONDITION";
const IA: &str = "INVALID_ARGUMENT";
const PRIMARY: SliverType = SliverType::Primary;

/// A blob that is registered but of which nothing is stored.
async fn registered_blob(test: &TestNode, seed: u8) -> TestBlob {
    let blob = TestBlob::new(seed, 5_000);
    test.chain.register(blob.id(), blob.tag(), 10);
    test.caught_up().await;
    blob
}

/// Asserts a plain-text refusal outside the JSON envelope.
async fn assert_plain(response: Response, status: StatusCode) {
    assert_eq!(response.status(), status);
    let content_type = response.headers()[CONTENT_TYPE]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(content_type.starts_with("text/plain"), "{content_type}");
    assert!(!response.text().await.unwrap().is_empty());
}

#[tokio::test]
async fn unregistered_blobs() {
    let test = TestNode::start_with(|config| {
        config.rest_server.metadata_registration_wait_millis = 0;
    })
    .await;
    let blob = TestBlob::new(1, 5_000);
    assert_refused(test.put_metadata(&blob).await, 400, FP, "NOT_REGISTERED").await;
    assert_refused(
        test.put_sliver(&blob, 0, PRIMARY).await,
        400,
        FP,
        "NOT_REGISTERED",
    )
    .await;
    let confirmation = test.get(&paths::permanent_confirmation(&blob.id())).await;
    assert_refused(confirmation, 400, FP, "NOT_REGISTERED").await;
    let metadata = test.get(&paths::metadata(&blob.id())).await;
    assert_refused(metadata, 404, "NOT_FOUND", "METADATA_NOT_FOUND").await;
    let sliver = test.get_sliver(&blob, 0, PRIMARY).await;
    assert_refused(sliver, 404, "NOT_FOUND", "SLIVER_NOT_FOUND").await;
    test.assert_holds_nothing(&blob).await;
    test.chain.register(blob.id(), blob.tag(), 10);
    test.caught_up().await;
    test.upload(&blob).await;
}

#[tokio::test]
async fn wrong_metadata() {
    let test = TestNode::start().await;
    let blob = registered_blob(&test, 1).await;
    let path = paths::metadata(&blob.id());
    let other = TestBlob::new(2, 5_000);
    assert_refused(
        test.put(&path, other.metadata_body()).await,
        400,
        IA,
        "INVALID_METADATA",
    )
    .await;

    let body = blob.metadata_body();
    let last = body.len() - 1;
    for position in [2, 12, last] {
        let mut flipped = body.clone();
        flipped[position] ^= 0x10;
        let response = test.put(&path, flipped).await;
        assert_eq!(
            response.status(),
            StatusCode::BAD_REQUEST,
            "byte {position}"
        );
    }
    let mut old_encoding = body.clone();
    old_encoding[1] = 0;
    assert_refused(
        test.put(&path, old_encoding).await,
        400,
        IA,
        "UNSUPPORTED_ENCODING_TYPE",
    )
    .await;
    for undecodable in [
        Vec::new(),
        body[..last].to_vec(),
        [&body[..], &[0]].concat(),
        vec![9; 40],
    ] {
        assert_refused(
            test.put(&path, undecodable).await,
            400,
            IA,
            "INVALID_CONTENT_TYPE",
        )
        .await;
    }
    test.assert_holds_nothing(&blob).await;
    test.upload(&blob).await;
}

#[tokio::test]
async fn wrong_slivers() {
    let test = TestNode::start().await;
    let blob = registered_blob(&test, 1).await;
    assert_refused(
        test.put_sliver(&blob, 0, PRIMARY).await,
        400,
        FP,
        "METADATA_NOT_FOUND",
    )
    .await;
    assert_eq!(test.put_metadata(&blob).await.status(), StatusCode::CREATED);

    let pair = blob.pair_of(0);
    let path = paths::sliver(&blob.id(), pair, PRIMARY);
    let body = blob.sliver_body(pair, PRIMARY);
    let mut flipped = body.clone();
    flipped[body.len() / 2] ^= 1;
    assert_refused(test.put(&path, flipped).await, 400, IA, "INVALID_SLIVER").await;
    for undecodable in [
        Vec::new(),
        body[..body.len() - 1].to_vec(),
        [&body[..], &[0]].concat(),
    ] {
        assert_refused(
            test.put(&path, undecodable).await,
            400,
            IA,
            "INVALID_SLIVER",
        )
        .await;
    }
    // The sliver of another pair, of another blob, of the other axis.
    let neighbour = blob.sliver_body(blob.pair_of(1), PRIMARY);
    assert_refused(
        test.put(&path, neighbour).await,
        400,
        IA,
        "SLIVER_INDEX_MISMATCH",
    )
    .await;
    let stranger = TestBlob::new(2, 5_000).sliver_body(pair, PRIMARY);
    assert_refused(test.put(&path, stranger).await, 400, IA, "INVALID_SLIVER").await;
    let mirrored = SliverPairIndex(N_SHARDS - 1 - pair.0);
    let secondary = blob.sliver_body(mirrored, SliverType::Secondary);
    assert_refused(test.put(&path, secondary).await, 400, IA, "INVALID_SLIVER").await;

    assert_eq!(
        crate::harness::data(test.get(&format!("{path}/status")).await).await,
        "nonexistent"
    );
    assert_eq!(test.put(&path, body).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn shards_of_other_nodes() {
    let test = TestNode::start().await;
    let blob = registered_blob(&test, 1).await;
    assert_eq!(test.put_metadata(&blob).await.status(), StatusCode::CREATED);
    let foreign = 3;
    assert_refused(
        test.put_sliver(&blob, foreign, PRIMARY).await,
        400,
        FP,
        "SHARD_NOT_ASSIGNED",
    )
    .await;
    assert_refused(
        test.get_sliver(&blob, foreign, PRIMARY).await,
        400,
        FP,
        "SHARD_NOT_ASSIGNED",
    )
    .await;
    let status = paths::sliver_status(&blob.id(), blob.pair_of(foreign), PRIMARY);
    assert_refused(test.get(&status).await, 400, FP, "SHARD_NOT_ASSIGNED").await;
}

#[tokio::test]
async fn indices_out_of_range() {
    let test = TestNode::start().await;
    let blob = registered_blob(&test, 1).await;
    let path = paths::sliver(&blob.id(), SliverPairIndex(N_SHARDS), PRIMARY);
    let body = blob.sliver_body(blob.pair_of(0), PRIMARY);
    assert_refused(test.put(&path, body).await, 400, IA, "INDEX_OUT_OF_RANGE").await;
    assert_refused(test.get(&path).await, 400, IA, "INDEX_OUT_OF_RANGE").await;
    assert_refused(
        test.get(&format!("{path}/status")).await,
        400,
        IA,
        "INDEX_OUT_OF_RANGE",
    )
    .await;
}

#[tokio::test]
async fn oversized_bodies() {
    let test = TestNode::start().await;
    let blob = registered_blob(&test, 1).await;
    let limit = 7 * 65_534 + 128;
    let metadata = test
        .put(&paths::metadata(&blob.id()), vec![0; 2 * 1024 * 1024 + 1])
        .await;
    assert_refused(metadata, 400, IA, "INVALID_CONTENT_TYPE").await;
    assert_eq!(test.put_metadata(&blob).await.status(), StatusCode::CREATED);
    let path = paths::sliver(&blob.id(), blob.pair_of(0), PRIMARY);
    assert_plain(
        test.put(&path, vec![0; limit + 1]).await,
        StatusCode::PAYLOAD_TOO_LARGE,
    )
    .await;
    // At the limit it is read, and found wanting for another reason.
    assert_refused(
        test.put(&path, vec![0; limit]).await,
        400,
        IA,
        "INVALID_SLIVER",
    )
    .await;

    let unannounced = futures::stream::iter(
        std::iter::repeat_with(|| Ok::<_, std::io::Error>(vec![0_u8; 65_536])).take(9),
    );
    let response = test
        .client()
        .put(test.url(&path))
        .body(reqwest::Body::wrap_stream(unannounced))
        .send()
        .await
        .unwrap();
    assert_plain(response, StatusCode::PAYLOAD_TOO_LARGE).await;

    let accepted = test.put_sliver(&blob, 0, PRIMARY).await;
    assert_eq!(accepted.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn content_types() {
    let test = TestNode::start().await;
    let blob = registered_blob(&test, 1).await;
    let put = |path: String, content_type: &'static str, body: Vec<u8>| {
        let request = test
            .client()
            .put(test.url(&path))
            .header(CONTENT_TYPE, content_type)
            .body(body);
        async move { request.send().await.unwrap() }
    };
    let path = paths::metadata(&blob.id());
    let refused = put(path.clone(), "application/json", blob.metadata_body()).await;
    assert_refused(refused, 400, IA, "INVALID_CONTENT_TYPE").await;
    let with_parameters = format!("{OCTET_STREAM}; charset=binary").leak();
    let accepted = put(path, with_parameters, blob.metadata_body()).await;
    assert_eq!(accepted.status(), StatusCode::CREATED);
    // Slivers do not care.
    let pair = blob.pair_of(0);
    let sliver = paths::sliver(&blob.id(), pair, PRIMARY);
    let accepted = put(sliver, "text/html", blob.sliver_body(pair, PRIMARY)).await;
    assert_eq!(accepted.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn malformed_paths_and_queries() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 100);
    let id = blob.id();
    for path in [
        "/v1/blobs/short/metadata".to_owned(),
        format!("/v1/blobs/{id}=/status"),
        format!("/v1/blobs/{id}/slivers/x/primary"),
        format!("/v1/blobs/{id}/slivers/65536/primary"),
        format!("/v1/blobs/{id}/slivers/-1/primary"),
        format!("/v1/blobs/{id}/slivers/1/Primary"),
        format!("/v1/blobs/{id}/confirmation/deletable/12"),
        format!("/v1/blobs/{id}/confirmation/permanent?wait_for_registration=perhaps"),
    ] {
        assert_plain(test.get(&path).await, StatusCode::BAD_REQUEST).await;
    }
    for query in ["pending=yes", "pending=true&other=1"] {
        let path = format!("{}?{query}", paths::metadata(&id));
        assert_plain(
            test.put(&path, blob.metadata_body()).await,
            StatusCode::BAD_REQUEST,
        )
        .await;
    }
    // Unknown fields of this one are ignored.
    let path = format!("{}?other=1", paths::permanent_confirmation(&id));
    assert_refused(test.get(&path).await, 400, FP, "NOT_REGISTERED").await;
}

#[tokio::test]
async fn unknown_routes() {
    let test = TestNode::start().await;
    let response = test.get("/v1/nothing").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn invalid_blobs() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 10).await;
    test.chain.emit(vec![
        InvalidBlobID {
            blob_id: blob.id(),
            epoch: 1,
        }
        .into(),
    ]);
    test.caught_up().await;
    assert_refused(test.put_metadata(&blob).await, 400, FP, "INVALID_BLOB").await;
    crate::harness::eventually(|| async {
        crate::harness::data(test.get(&paths::metadata_status(&blob.id())).await).await
            == "nonexistent"
    })
    .await;
    test.assert_holds_nothing(&blob).await;
    let status = crate::harness::data(test.get(&paths::blob_status(&blob.id())).await).await;
    assert!(
        status["invalid"]["event"]["txDigest"].is_string(),
        "{status}"
    );
}

#[tokio::test]
async fn full_caches() {
    let test = TestNode::start_with(|config| {
        config.pending_metadata_cache.max_cached_entries = 1;
        config.pending_sliver_cache.max_cached_sliver_bytes = 100;
    })
    .await;
    let (first, second) = (TestBlob::new(1, 5_000), TestBlob::new(2, 5_000));
    let pending = |blob: &TestBlob| format!("{}?pending=true", paths::metadata(&blob.id()));
    let accepted = test.put(&pending(&first), first.metadata_body()).await;
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    let refused = test.put(&pending(&second), second.metadata_body()).await;
    assert_refused(refused, 400, FP, "CACHE_SATURATED").await;
    assert_refused(
        test.put_sliver(&first, 0, PRIMARY).await,
        400,
        FP,
        "CACHE_SATURATED",
    )
    .await;
}

#[tokio::test]
async fn a_full_disk() {
    let mut test = TestNode::start().await;
    let (before, after) = (TestBlob::new(1, 5_000), TestBlob::new(2, 5_000));
    test.store(&before, 10).await;
    test.chain.register(after.id(), after.tag(), 10);
    // All that is free counts as reserve.
    test.config.disk_reserve_bytes = u64::MAX;
    test.restart().await;
    assert_refused(
        test.put_metadata(&after).await,
        503,
        "UNAVAILABLE",
        "UNAVAILABLE",
    )
    .await;
    test.assert_holds_nothing(&after).await;
    test.assert_serves(&before).await;
    test.config.disk_reserve_bytes = 0;
    test.restart().await;
    test.upload(&after).await;
}

#[tokio::test]
async fn what_is_missing_is_counted() {
    let test = TestNode::start().await;
    let blob = registered_blob(&test, 1).await;
    let message = || async {
        let response = test.get(&paths::permanent_confirmation(&blob.id())).await;
        let text = response.text().await.unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["error"]["message"].as_str().unwrap().to_owned()
    };
    let all = 2 * OWNED.len();
    let nothing =
        format!("{all} of {all} slivers of this node's shards are not stored, nor is the metadata");
    assert_eq!(message().await, nothing);
    assert_eq!(test.put_metadata(&blob).await.status(), StatusCode::CREATED);
    let stored = test.put_sliver(&blob, OWNED[0], PRIMARY).await;
    assert_eq!(stored.status(), StatusCode::CREATED);
    let rest = all - 1;
    let some = format!("{rest} of {all} slivers of this node's shards are not stored");
    assert_eq!(message().await, some);
}

#[tokio::test]
async fn answers_repeat_little_of_what_was_sent() {
    /// More than any answer needs to say what is wrong.
    const ANSWER_BYTES_MAX: usize = 1_000;
    let test = TestNode::start().await;
    let blob = registered_blob(&test, 1).await;
    assert_eq!(test.put_metadata(&blob).await.status(), StatusCode::CREATED);
    let long = "x".repeat(30_000);
    let id = blob.id();
    let sliver = paths::sliver(&id, blob.pair_of(OWNED[0]), PRIMARY);
    let symbols = paths::recovery_symbols(&id);
    for path in [
        format!("/v1/blobs/{long}/metadata"),
        format!("/v1/blobs/{id}/slivers/{long}/primary"),
        format!("/v1/blobs/{id}/slivers/0/{long}"),
        format!("/v1/blobs/{id}/confirmation/deletable/{long}"),
        format!("{symbols}?id={long}"),
        format!("{symbols}?targetSliver={long}&targetType=primary"),
        format!("{symbols}?targetSliver=1&targetType={long}"),
        format!(
            "{}?wait_for_registration={long}",
            paths::permanent_confirmation(&id)
        ),
        format!("/v1/health?detailed={long}"),
    ] {
        let response = test.get(&path).await;
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_client_error(), "{status}");
        assert!(
            text.len() < ANSWER_BYTES_MAX,
            "{} bytes: {text}",
            text.len()
        );
    }
    let body = vec![0x7f; 300_000];
    for (path, body) in [
        (sliver, body.clone()),
        (
            paths::metadata(&TestBlob::new(2, 10).id()),
            body[..500].to_vec(),
        ),
    ] {
        let response = test.put(&path, body).await;
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_client_error(), "{status}");
        assert!(
            text.len() < ANSWER_BYTES_MAX,
            "{} bytes: {text}",
            text.len()
        );
    }
}
