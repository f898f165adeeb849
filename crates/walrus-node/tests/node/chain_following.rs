use reqwest::StatusCode;
use serde_json::json;
use walrus_contracts::events::BlobDeleted;
use walrus_core::{SliverType, node_api::paths};

use crate::harness::{
    OWNED, Persistence, TestBlob, TestNode, assert_refused, certified, data, event_id, eventually,
    object_id, registered,
};

#[tokio::test]
async fn statuses_follow_the_events() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 100);
    let path = paths::blob_status(&blob.id());
    assert_eq!(data(test.get(&path).await).await, "nonexistent");

    test.chain
        .emit(vec![registered(blob.id(), 1, 9, Persistence::Deletable)]);
    test.caught_up().await;
    let counts = |total: u32, certified: u32| json!({"count_deletable_total": total, "count_deletable_certified": certified});
    let expected =
        json!({"deletable": {"initialCertifiedEpoch": null, "deletableCounts": counts(1, 0)}});
    assert_eq!(data(test.get(&path).await).await, expected);

    test.chain
        .emit(vec![registered(blob.id(), 2, 7, Persistence::Permanent)]);
    let registration = event_id(test.chain.last_checkpoint() - 1, 0);
    test.chain
        .emit(vec![certified(blob.id(), 1, 9, Persistence::Deletable)]);
    test.caught_up().await;
    let expected = json!({"permanent": {
        "endEpoch": 7, "isCertified": false,
        "statusEvent": {
            "txDigest": registration.tx_digest_base58(),
            "eventSeq": "0",
        },
        "deletableCounts": counts(1, 1), "initialCertifiedEpoch": 1,
    }});
    assert_eq!(data(test.get(&path).await).await, expected);
}

#[tokio::test]
async fn bookkeeping_happens_exactly_once() {
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, 100);
    for object in 1..=3 {
        test.chain.emit(vec![registered(
            blob.id(),
            object,
            9,
            Persistence::Deletable,
        )]);
        test.caught_up().await;
        test.restart().await;
    }
    test.stop().await;
    test.chain.emit(vec![
        registered(blob.id(), 4, 9, Persistence::Deletable),
        BlobDeleted {
            end_epoch: 9,
            blob_id: blob.id(),
            object_id: object_id(1),
            epoch: 1,
            was_certified: false,
        }
        .into(),
    ]);
    test.try_start().await.unwrap();
    test.caught_up().await;
    let status = data(test.get(&paths::blob_status(&blob.id())).await).await;
    assert_eq!(
        status["deletable"]["deletableCounts"]["count_deletable_total"],
        3
    );
    // One boundary for every checkpoint, and six events with that of the epoch.
    let checkpoints = test.chain.last_checkpoint() - 99;
    let health = data(test.get("/v1/health").await).await;
    assert_eq!(health["eventProgress"]["persisted"], checkpoints + 6);
}

#[tokio::test]
async fn the_epoch_is_attested_once_all_shards_are_complete() {
    let test = TestNode::start().await;
    let mut attested = test.chain.attested.subscribe();
    attested.wait_for(|epochs| *epochs == [1]).await.unwrap();

    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 9).await;
    test.chain.emit(vec![certified(
        blob.id(),
        blob.tag(),
        9,
        Persistence::Permanent,
    )]);
    // The same shards: nothing to wait for.
    test.chain.begin_epoch(2, OWNED);
    attested.wait_for(|epochs| *epochs == [1, 2]).await.unwrap();

    // A new shard lacks the slivers of a certified blob.
    let gained = 5;
    test.chain.begin_epoch(3, &[&[gained], OWNED].concat());
    test.caught_up().await;
    let health = data(test.get("/v1/health").await).await;
    assert_eq!(health["nodeStatus"], "Active");
    assert_eq!(health["shardSummary"]["ownedShardStatus"]["inTransfer"], 1);
    assert_eq!(*test.chain.attested.borrow(), [1, 2]);
    for axis in [SliverType::Primary, SliverType::Secondary] {
        assert_eq!(
            test.put_sliver(&blob, gained, axis).await.status(),
            StatusCode::CREATED
        );
    }
    attested
        .wait_for(|epochs| *epochs == [1, 2, 3])
        .await
        .unwrap();
    let health = data(test.get("/v1/health").await).await;
    assert_eq!(health["shardSummary"]["ownedShardStatus"]["inTransfer"], 0);
}

#[tokio::test]
async fn lost_shards_are_read_only_and_go_later() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 9).await;
    let lost = 7;
    let kept: Vec<u16> = OWNED
        .iter()
        .copied()
        .filter(|shard| *shard != lost)
        .collect();
    test.chain.begin_epoch(2, &kept);
    test.caught_up().await;
    assert_eq!(
        test.get_sliver(&blob, lost, SliverType::Primary)
            .await
            .status(),
        StatusCode::OK
    );
    let refused = test.put_sliver(&blob, lost, SliverType::Primary).await;
    assert_refused(refused, 400, "FAILED_PRECONDITION", "SHARD_NOT_ASSIGNED").await;
    assert_eq!(
        test.get(&paths::permanent_confirmation(&blob.id()))
            .await
            .status(),
        StatusCode::OK
    );
    let detail = data(test.get("/v1/health?detailed=true").await).await["shardDetail"].clone();
    assert_eq!(
        detail["other"],
        json!([{"shard": lost, "status": "readOnly"}])
    );

    test.chain.begin_epoch(3, &kept);
    test.caught_up().await;
    let refused = test.get_sliver(&blob, lost, SliverType::Primary).await;
    assert_refused(refused, 400, "FAILED_PRECONDITION", "SHARD_NOT_ASSIGNED").await;
}

#[tokio::test]
async fn epochs_that_are_over_only_change_records() {
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 3).await;
    test.stop().await;
    for epoch in 2..=4 {
        test.chain.begin_epoch(epoch, OWNED);
    }
    test.try_start().await.unwrap();
    test.caught_up().await;
    let health = data(test.get("/v1/health").await).await;
    assert_eq!(
        (&health["epoch"], &health["nodeStatus"]),
        (&json!(4), &json!("Active"))
    );
    assert_eq!(
        data(test.get(&paths::blob_status(&blob.id())).await).await,
        "nonexistent"
    );
    let mut attested = test.chain.attested.subscribe();
    attested
        .wait_for(|epochs| epochs.last() == Some(&4))
        .await
        .unwrap();
}

#[tokio::test]
async fn reads_go_on_while_the_chain_is_away() {
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 9).await;
    test.stop().await;
    test.chain.unavailable.send_replace(true);
    test.chain.begin_epoch(2, OWNED);
    test.try_start().await.unwrap();
    test.assert_serves(&blob).await;
    assert_eq!(test.node().service().health(false).epoch, 1);
    test.chain.unavailable.send_replace(false);
    test.caught_up().await;
    eventually(|| async { test.node().service().health(false).epoch == 2 }).await;
}
