use serde_json::json;

use crate::harness::{N_SHARDS, OWNED, TestBlob, TestNode, data, protocol_key};

#[tokio::test]
async fn the_report_has_every_field() {
    let test = TestNode::start().await;
    let health = data(test.get("/v1/health").await).await;
    assert!(health["uptime"]["secs"].is_u64() && health["uptime"]["nanos"].is_u64());
    assert_eq!(health["epoch"], 1);
    assert_eq!(health["publicKey"], protocol_key().public().to_string());
    assert_eq!(health["nodeStatus"], "Active");
    assert_eq!(health["eventProgress"]["pending"], 0);
    assert_eq!(health["shardSummary"]["owned"], OWNED.len());
    assert_eq!(
        health["shardSummary"]["ownedShardStatus"]["ready"],
        OWNED.len()
    );
    assert_eq!(
        health["latestCheckpointSequenceNumber"],
        test.chain.last_checkpoint()
    );
    assert_eq!(health.get("shardDetail"), None);

    let detailed = data(test.get("/v1/health?detailed=true").await).await;
    let expected: Vec<_> = OWNED
        .iter()
        .map(|shard| json!({"shard": shard, "status": "ready"}))
        .collect();
    assert_eq!(
        detailed["shardDetail"],
        json!({"owned": expected, "other": []})
    );
    assert!(OWNED.iter().all(|shard| *shard < N_SHARDS));
}

#[tokio::test]
async fn metrics_are_served_apart_from_the_api() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 9).await;
    test.get(&walrus_core::node_api::paths::permanent_confirmation(
        &blob.id(),
    ))
    .await;
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
    for expected in [
        "walrus_storage_confirmations_issued_total 1",
        "walrus_current_node_status 1",
        "walrus_slivers_stored 8",
        r#"http_route="/v1/blobs/{blob_id}/slivers/{pair}/{sliver_type}""#,
        r#"walrus_event_cursor_progress{state="persisted"}"#,
        r#"walrus_queue_limit{name="pending_slivers"} 20480"#,
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    assert_eq!(test.get("/metrics").await.status(), 404);
}
