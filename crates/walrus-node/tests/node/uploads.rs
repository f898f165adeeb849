use reqwest::StatusCode;
use walrus_core::{SliverType, node_api::paths};

use crate::harness::{TestBlob, TestNode, assert_refused, data, owned_slivers};

#[tokio::test]
async fn stored_data_is_served_and_survives_a_restart() {
    let mut test = TestNode::start().await;
    // Inline slivers, slivers in files, and the smallest blobs there are.
    let blobs = [
        TestBlob::new(1, 10_000),
        TestBlob::new(2, 1_500_000),
        TestBlob::new(3, 0),
        TestBlob::new(4, 1),
    ];
    for blob in &blobs {
        test.store(blob, 10).await;
        test.assert_serves(blob).await;
    }
    test.restart().await;
    for blob in &blobs {
        test.assert_serves(blob).await;
    }
    assert!(test.directory.path().join("storage/slivers").is_dir());
}

#[tokio::test]
async fn the_first_write_wins_and_repetition_is_harmless() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 10).await;
    let again = test.put_metadata(&blob).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(data(again).await, "metadata already stored");
    let again = test.put_sliver(&blob, 0, SliverType::Primary).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(data(again).await, "sliver already stored");

    // A different sliver for the same place changes nothing.
    let pair = blob.pair_of(0);
    let mut other = blob.sliver_body(pair, SliverType::Primary);
    other[10] ^= 1;
    let response = test
        .put(&paths::sliver(&blob.id(), pair, SliverType::Primary), other)
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    test.assert_serves(&blob).await;
}

#[tokio::test]
async fn waves_of_uploads_are_stored_completely() {
    const BLOBS: u8 = 12;
    let test = TestNode::start().await;
    let blobs: Vec<_> = (0..BLOBS)
        .map(|seed| TestBlob::new(seed, 1_000 + 90_000 * usize::from(seed)))
        .collect();
    for blob in &blobs {
        test.chain.register(blob.id(), blob.tag(), 10);
    }
    test.caught_up().await;
    let metadata = blobs.iter().map(|blob| test.put_metadata(blob));
    for response in futures::future::join_all(metadata).await {
        assert_eq!(response.status(), StatusCode::CREATED);
    }
    // Every sliver twice, all at the same time: one of the two stores it.
    let uploads = blobs.iter().flat_map(|blob| {
        owned_slivers()
            .chain(owned_slivers())
            .map(|(shard, axis)| test.put_sliver(blob, shard, axis))
    });
    let mut created = 0;
    for response in futures::future::join_all(uploads).await {
        assert!(response.status().is_success());
        created += usize::from(response.status() == StatusCode::CREATED);
    }
    assert_eq!(created, usize::from(BLOBS) * owned_slivers().count());
    for blob in &blobs {
        test.assert_serves(blob).await;
    }
}

#[tokio::test]
async fn uploads_that_race_the_registration_wait_for_it() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    let upload = test.put_metadata(&blob);
    let register = async {
        // The request waits on the server; nothing tells from outside that it has begun to.
        crate::harness::eventually(|| async { waiters(&test).await > 0 }).await;
        test.chain.register(blob.id(), 1, 10);
    };
    let (response, ()) = futures::future::join(upload, register).await;
    assert_eq!(response.status(), StatusCode::CREATED);
}

async fn waiters(test: &TestNode) -> u64 {
    let url = format!("http://{}/metrics", test.node().metrics_addr());
    let text = test
        .client()
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(r#"walrus_queue_size{name="registration_waiters"} "#));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn pending_uploads_become_durable_with_the_registration() {
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    let path = format!("{}?pending=true", paths::metadata(&blob.id()));
    let response = test.put(&path, blob.metadata_body()).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(
        data(response).await,
        "metadata buffered pending registration"
    );
    assert_eq!(
        data(test.get(&paths::metadata_status(&blob.id())).await).await,
        "nonexistent"
    );
    for (shard, axis) in owned_slivers() {
        let pair = blob.pair_of(shard);
        // Without `pending`, too: once the metadata is accepted its slivers are.
        let response = test.put_sliver(&blob, shard, axis).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(data(response).await, "sliver buffered pending registration");
        let status = paths::sliver_status(&blob.id(), pair, axis);
        assert_eq!(data(test.get(&status).await).await, "buffered");
    }
    // Nothing unregistered is readable.
    assert_refused(
        test.get(&paths::metadata(&blob.id())).await,
        404,
        "NOT_FOUND",
        "METADATA_NOT_FOUND",
    )
    .await;
    test.chain.register(blob.id(), 1, 10);
    test.caught_up().await;
    let confirmation = test.get(&paths::permanent_confirmation(&blob.id())).await;
    assert_eq!(confirmation.status(), StatusCode::OK);
    test.restart().await;
    test.assert_serves(&blob).await;
}

#[tokio::test]
async fn pending_uploads_of_registered_blobs_are_stored_at_once() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 500);
    test.chain.register(blob.id(), 1, 10);
    test.caught_up().await;
    let path = format!("{}?pending=true", paths::metadata(&blob.id()));
    let response = test.put(&path, blob.metadata_body()).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(
        data(test.get(&paths::metadata_status(&blob.id())).await).await,
        "stored"
    );
}
