//! What happens to stored data when processes die and disks lie.

use std::{fs, path::PathBuf};

use reqwest::StatusCode;
use walrus_core::{SliverType, node_api::paths};

use crate::harness::{
    EPOCH_MS, OWNED, TestBlob, TestNode, assert_refused, data, eventually, owned_slivers,
};

/// Large enough that slivers get files.
const FILE_BLOB: usize = 1_500_000;

fn sliver_files(test: &TestNode) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for directory in fs::read_dir(test.directory.path().join("storage/slivers")).unwrap() {
        for file in fs::read_dir(directory.unwrap().path()).unwrap() {
            files.push(file.unwrap().path());
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn every_flipped_byte_is_noticed_and_can_be_repaired() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    let files = sliver_files(&test);
    assert_eq!(files.len(), owned_slivers().count());
    for (number, file) in files.iter().enumerate() {
        let mut bytes = fs::read(file).unwrap();
        match number % 4 {
            0 => bytes[0] ^= 1,
            1 => *bytes.last_mut().unwrap() ^= 0x80,
            2 => bytes.truncate(bytes.len() - 1),
            _ => bytes.clear(),
        }
        fs::write(file, bytes).unwrap();
    }
    fs::remove_file(&files[0]).unwrap();
    for (shard, axis) in owned_slivers() {
        let refused = test.get_sliver(&blob, shard, axis).await;
        assert_refused(refused, 404, "NOT_FOUND", "SLIVER_NOT_FOUND").await;
    }
    let url = format!("http://{}/metrics", test.node().metrics_addr());
    let metrics = test
        .client()
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        metrics.contains(&format!("walrus_damaged_slivers_total {}", files.len())),
        "{metrics}"
    );
    // What is damaged is no longer vouched for, and can be stored again.
    let confirmation = paths::permanent_confirmation(&blob.id());
    let refused = test.get(&confirmation).await;
    assert_refused(refused, 400, "FAILED_PRECONDITION", "MISSING_SLIVERS").await;
    for (shard, axis) in owned_slivers() {
        assert_eq!(
            test.put_sliver(&blob, shard, axis).await.status(),
            StatusCode::CREATED
        );
    }
    test.assert_serves(&blob).await;
    assert_eq!(test.get(&confirmation).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn leftovers_of_interrupted_writes_are_out_of_the_way_after_the_start() {
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    let known = sliver_files(&test);
    test.stop().await;
    // Killed while writing, and killed between the rename and the index entry.
    let storage = test.directory.path().join("storage");
    let temporary = storage.join("tmp/0");
    fs::write(&temporary, b"half a sli").unwrap();
    let unknown = storage.join(format!("slivers/ab/{}-0-primary", "ab".repeat(32)));
    fs::write(&unknown, b"a whole sliver nobody knows").unwrap();
    let not_ours = storage.join("slivers/ab/README");
    fs::write(&not_ours, b"left alone").unwrap();

    test.try_start().await.unwrap();
    assert!(!temporary.exists());
    let quarantined = storage
        .join("quarantine")
        .join(unknown.file_name().unwrap());
    eventually(|| async { quarantined.exists() }).await;
    assert!(!unknown.exists());
    assert!(not_ours.exists());
    fs::remove_file(not_ours).unwrap();
    assert_eq!(sliver_files(&test), known);
    test.assert_serves(&blob).await;
}

#[tokio::test]
async fn an_unindexed_file_does_not_prevent_a_new_upload() {
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.chain.register(blob.id(), 1, 10);
    test.caught_up().await;
    test.stop().await;
    let storage = test.directory.path().join("storage/slivers");
    let id = hex::encode(blob.id().0);
    let file = storage
        .join(&id[..2])
        .join(format!("{id}-{}-primary", OWNED[0]));
    fs::write(&file, b"from a write that was cut off").unwrap();
    test.try_start().await.unwrap();
    test.upload(&blob).await;
    test.assert_serves(&blob).await;
}

#[tokio::test]
async fn expired_and_deleted_blobs_are_collected() {
    let mut test = TestNode::start().await;
    let (short, long) = (TestBlob::new(1, FILE_BLOB), TestBlob::new(2, 9_000));
    test.store(&short, 2).await;
    test.store(&long, 3).await;
    test.chain.begin_epoch(2, OWNED);
    test.caught_up().await;
    eventually(|| async {
        data(test.get(&paths::metadata_status(&short.id())).await).await == "nonexistent"
    })
    .await;
    test.assert_holds_nothing(&short).await;
    // Files go after their index entries.
    eventually(|| async { sliver_files(&test).is_empty() }).await;
    test.assert_serves(&long).await;
    assert_eq!(
        data(test.get(&paths::blob_status(&short.id())).await).await,
        "nonexistent"
    );

    // The epoch ends while the node is away.
    test.stop().await;
    test.chain.begin_epoch(3, OWNED);
    test.try_start().await.unwrap();
    test.caught_up().await;
    eventually(|| async {
        data(test.get(&paths::metadata_status(&long.id())).await).await == "nonexistent"
    })
    .await;
    test.assert_holds_nothing(&long).await;
}

/// Whether anything of a blob is on disk, whoever may read it.
async fn is_on_disk(test: &TestNode, blob: &TestBlob) -> bool {
    let storage = test.node().service().state().storage();
    let items = storage.items_after(None, usize::MAX).await.unwrap();
    items.iter().any(|item| item.blob_id() == blob.id())
}

#[tokio::test]
async fn data_is_kept_for_a_while_after_its_end() {
    let mut test = TestNode::start_with(|config| {
        config.garbage_collection.enable_random_delay = true;
    })
    .await;
    let (blob, revived) = (TestBlob::new(1, 9_000), TestBlob::new(2, 9_000));
    test.store(&blob, 2).await;
    test.store(&revived, 2).await;
    test.chain.begin_epoch(2, OWNED);
    test.chain.complete_epoch_change(1_000);
    test.caught_up().await;
    // The record is gone, the data is not, and a restart does not change that.
    for _ in 0..2 {
        let status = data(test.get(&paths::blob_status(&blob.id())).await).await;
        assert_eq!(status, "nonexistent");
        assert!(is_on_disk(&test, &blob).await);
        test.restart().await;
    }
    // Who registers it again need not upload it.
    test.chain.register(revived.id(), 9, 5);
    test.caught_up().await;
    test.assert_serves(&revived).await;
    test.stop().await;
    test.chain.set_clock(1_000 + EPOCH_MS / 2);
    test.try_start().await.unwrap();
    eventually(|| async { !is_on_disk(&test, &blob).await }).await;
    test.assert_holds_nothing(&blob).await;
    test.assert_serves(&revived).await;
}

#[tokio::test]
async fn data_is_kept_for_ever_where_the_operator_says_so() {
    let mut test = TestNode::start_with(|config| {
        config.garbage_collection.enable_data_deletion = false;
    })
    .await;
    let blob = TestBlob::new(1, 9_000);
    test.store(&blob, 2).await;
    test.chain.begin_epoch(2, OWNED);
    test.chain.complete_epoch_change(1_000);
    test.caught_up().await;
    test.restart().await;
    assert!(is_on_disk(&test, &blob).await);
}

#[tokio::test]
async fn a_registration_again_keeps_the_data() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 9_000);
    test.store(&blob, 2).await;
    test.chain.register(blob.id(), blob.tag() ^ 1, 5);
    test.chain.begin_epoch(2, OWNED);
    test.caught_up().await;
    let collected = || async { test.node().service().health(false).epoch == 2 };
    eventually(collected).await;
    test.assert_serves(&blob).await;
    let sliver = test.put_sliver(&blob, OWNED[0], SliverType::Primary).await;
    assert_eq!(sliver.status(), StatusCode::OK);
}

#[tokio::test]
async fn records_are_synced_before_anything_is_signed() {
    let test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 10).await;
    // Registrations come back from the chain, so nothing else hurries to write them down.
    let other = TestBlob::new(2, 5_000);
    test.chain.register(other.id(), other.tag(), 10);
    test.caught_up().await;
    let storage = test.node().service().state().storage();
    assert!(storage.index().has_unsynced_records());
    let refused = test.get(&paths::permanent_confirmation(&other.id())).await;
    assert_refused(refused, 400, "FAILED_PRECONDITION", "MISSING_SLIVERS").await;
    assert!(storage.index().has_unsynced_records());
    let signed = test.get(&paths::permanent_confirmation(&blob.id())).await;
    assert_eq!(signed.status(), StatusCode::OK);
    assert!(!storage.index().has_unsynced_records());
}
