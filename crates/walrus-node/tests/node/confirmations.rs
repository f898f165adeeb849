use walrus_contracts::events::BlobDeleted;
use walrus_core::{
    BlobPersistence, SliverType,
    messages::{ConfirmationBody, StorageConfirmation},
    node_api::paths,
};

use crate::harness::{
    OWNED, Persistence, TestBlob, TestNode, assert_refused, certified, data, object_id,
    owned_slivers, protocol_key, registered,
};

const FP: &str = "FAILED_PRECONDITION";

#[tokio::test]
async fn given_only_for_all_slivers_of_all_shards() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.chain.register(blob.id(), 1, 10);
    test.caught_up().await;
    let path = paths::permanent_confirmation(&blob.id());
    assert_refused(test.get(&path).await, 400, FP, "MISSING_SLIVERS").await;
    test.put_metadata(&blob).await;
    for (shard, axis) in owned_slivers() {
        assert_refused(test.get(&path).await, 400, FP, "MISSING_SLIVERS").await;
        test.put_sliver(&blob, shard, axis).await;
    }
    let answer = data(test.get(&path).await).await;
    let StorageConfirmation::Signed(signed) = serde_json::from_value(answer).unwrap();
    let body = ConfirmationBody {
        blob_id: blob.id(),
        persistence: BlobPersistence::Permanent,
    };
    signed.verify(&protocol_key().public(), 1, &body).unwrap();
    let expected = [&[1, 0, 3, 1, 0, 0, 0], &blob.id().0[..], &[0]].concat();
    assert_eq!(signed.serialized_message, expected);
}

#[tokio::test]
async fn deletable_ones_name_a_live_object_of_the_blob() {
    let test = TestNode::start().await;
    let (blob, other) = (TestBlob::new(1, 5_000), TestBlob::new(2, 5_000));
    test.chain.emit(vec![
        registered(blob.id(), 10, 9, Persistence::Deletable),
        registered(blob.id(), 11, 9, Persistence::Deletable),
        registered(other.id(), 12, 9, Persistence::Deletable),
    ]);
    test.upload(&blob).await;
    test.caught_up().await;
    let path = |object| paths::deletable_confirmation(&blob.id(), &object_id(object));
    let answer = data(test.get(&path(10)).await).await;
    let StorageConfirmation::Signed(signed) = serde_json::from_value(answer).unwrap();
    let persistence = BlobPersistence::Deletable {
        object_id: object_id(10),
    };
    let body = ConfirmationBody {
        blob_id: blob.id(),
        persistence,
    };
    signed.verify(&protocol_key().public(), 1, &body).unwrap();

    assert_refused(test.get(&path(12)).await, 400, FP, "NOT_REGISTERED").await;
    assert_refused(test.get(&path(13)).await, 400, FP, "NOT_REGISTERED").await;
    test.chain.emit(vec![
        BlobDeleted {
            end_epoch: 9,
            blob_id: blob.id(),
            object_id: object_id(10),
            epoch: 1,
            was_certified: false,
        }
        .into(),
    ]);
    test.caught_up().await;
    assert_refused(test.get(&path(10)).await, 400, FP, "NOT_REGISTERED").await;
    assert_eq!(test.get(&path(11)).await.status(), 200);
}

#[tokio::test]
async fn not_given_after_the_end_epoch() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 2).await;
    let path = paths::permanent_confirmation(&blob.id());
    assert_eq!(test.get(&path).await.status(), 200);
    test.chain.begin_epoch(2, OWNED);
    test.caught_up().await;
    assert_refused(test.get(&path).await, 400, FP, "NOT_REGISTERED").await;
}

#[tokio::test]
async fn signed_for_the_current_epoch() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 9).await;
    test.chain.begin_epoch(2, OWNED);
    test.caught_up().await;
    let answer = data(test.get(&paths::permanent_confirmation(&blob.id())).await).await;
    let StorageConfirmation::Signed(signed) = serde_json::from_value(answer).unwrap();
    let body = ConfirmationBody {
        blob_id: blob.id(),
        persistence: BlobPersistence::Permanent,
    };
    signed.verify(&protocol_key().public(), 2, &body).unwrap();
}

#[tokio::test]
async fn a_gained_shard_counts() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 9).await;
    let gained = 5;
    test.chain.begin_epoch(2, &[&[gained], OWNED].concat());
    test.caught_up().await;
    let path = paths::permanent_confirmation(&blob.id());
    assert_refused(test.get(&path).await, 400, FP, "MISSING_SLIVERS").await;
    for axis in [SliverType::Primary, SliverType::Secondary] {
        assert_eq!(test.put_sliver(&blob, gained, axis).await.status(), 201);
    }
    assert_eq!(test.get(&path).await.status(), 200);
}

#[tokio::test]
async fn long_polls_end_with_the_registration() {
    let test = TestNode::start_with(|config| {
        config.rest_server.confirmation_long_poll_max_millis = 60_000;
    })
    .await;
    let blob = TestBlob::new(1, 5_000);
    let path = format!(
        "{}?wait_for_registration=true&wait_millis=50000",
        paths::permanent_confirmation(&blob.id())
    );
    // Without buffered data there is nothing to wait for.
    assert_refused(test.get(&path).await, 400, FP, "NOT_REGISTERED").await;
    let pending = format!("{}?pending=true", paths::metadata(&blob.id()));
    test.put(&pending, blob.metadata_body()).await;
    for (shard, axis) in owned_slivers() {
        test.put_sliver(&blob, shard, axis).await;
    }
    let register = async { test.chain.register(blob.id(), 1, 10) };
    let (answer, ()) = futures::future::join(test.get(&path), register).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn certification_changes_nothing_about_them() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 9).await;
    test.chain.emit(vec![certified(
        blob.id(),
        blob.tag(),
        9,
        Persistence::Permanent,
    )]);
    test.caught_up().await;
    assert_eq!(
        test.get(&paths::permanent_confirmation(&blob.id()))
            .await
            .status(),
        200
    );
}
