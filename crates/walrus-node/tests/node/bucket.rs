//! Slivers in a bucket: as durable as on disk, whatever the bucket does.

use std::{fs, path::Path, process::Stdio};

use reqwest::{StatusCode, header::RETRY_AFTER};
use tokio::process::Command;
use walrus_core::{SliverType, node_api::paths};
use walrus_node::{
    NodeConfig,
    config::SecretSource,
    storage::{Storage, StorageOptions},
};

use crate::{
    cluster::Cluster,
    harness::{
        Mood, OWNED, TestBlob, TestBucket, TestNode, assert_refused, data, eventually,
        owned_slivers,
    },
};

/// Large enough that slivers do not stay in the index.
const FILE_BLOB: usize = 1_500_000;

const PREFIX: &str = "a/node";

fn slivers_of_a_node() -> usize {
    owned_slivers().count()
}

fn files_in(test: &TestNode, folder: &str) -> usize {
    fn count(folder: &Path) -> usize {
        let entries = fs::read_dir(folder).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .map(|path| if path.is_dir() { count(&path) } else { 1 })
            .sum()
    }
    count(&test.directory.path().join("storage").join(folder))
}

async fn start(bucket: &TestBucket) -> TestNode {
    TestNode::start_with(|config| use_bucket(config, bucket, PREFIX)).await
}

/// What somebody has changed in a configuration.
type Change<'a> = &'a dyn Fn(&mut NodeConfig);

fn use_bucket(config: &mut NodeConfig, bucket: &TestBucket, prefix: &str) {
    config.storage.bucket = Some(bucket.config(prefix));
}

fn bucket_config(test: &mut TestNode) -> &mut walrus_node::config::BucketConfig {
    test.config.storage.bucket.as_mut().unwrap()
}

/// Waits until nothing is to be moved.
async fn moved(test: &TestNode) {
    eventually(|| async {
        let health = test.node().service().health(false).bucket.unwrap();
        health.pending_uploads == 0 && files_in(test, "slivers") == 0
    })
    .await;
}

#[tokio::test]
async fn slivers_move_there_and_are_served_from_there() {
    let bucket = TestBucket::start().await;
    let mut test = start(&bucket).await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    moved(&test).await;
    assert_eq!(bucket.slivers(PREFIX).len(), slivers_of_a_node());
    assert_eq!(files_in(&test, "cache"), 0);
    test.assert_serves(&blob).await;
    let confirmation = paths::permanent_confirmation(&blob.id());
    assert_eq!(test.get(&confirmation).await.status(), StatusCode::OK);

    test.restart().await;
    test.assert_serves(&blob).await;
    assert_eq!(test.get(&confirmation).await.status(), StatusCode::OK);
    let reads = u64::try_from(slivers_of_a_node()).unwrap();
    assert_eq!(test.metric("walrus_bucket_reads").await, reads);
    assert_eq!(test.metric("walrus_slivers_stored").await, reads);
    // Small slivers stay in the index.
    let small = TestBlob::new(2, 500);
    test.store(&small, 10).await;
    test.assert_serves(&small).await;
    assert_eq!(bucket.slivers(PREFIX).len(), slivers_of_a_node());
}

#[tokio::test]
async fn files_stored_before_there_was_a_bucket_move_there_too() {
    let bucket = TestBucket::start().await;
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    assert_eq!(files_in(&test, "slivers"), slivers_of_a_node());
    use_bucket(&mut test.config, &bucket, PREFIX);
    test.restart().await;
    moved(&test).await;
    assert_eq!(bucket.slivers(PREFIX).len(), slivers_of_a_node());
    test.assert_serves(&blob).await;
}

#[tokio::test]
async fn what_is_cached_is_served_while_the_bucket_is_away() {
    let bucket = TestBucket::start().await;
    let mut test = TestNode::start_with(|config| {
        let mut cached = bucket.config(PREFIX);
        cached.cache_bytes = 1 << 30;
        config.storage.bucket = Some(cached);
    })
    .await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    moved(&test).await;
    bucket.set(Mood::Away);
    test.assert_serves(&blob).await;
    test.restart().await;
    test.assert_serves(&blob).await;
    let hits = test.metric("walrus_bucket_cache_hits").await;
    assert_eq!(hits, u64::try_from(slivers_of_a_node()).unwrap());

    // Without the cache there is an answer that says when to ask again, and nothing is forgotten.
    bucket_config(&mut test).cache_bytes = 0;
    test.restart().await;
    let refused = test.get_sliver(&blob, OWNED[0], SliverType::Primary).await;
    assert!(refused.headers().contains_key(RETRY_AFTER));
    assert_refused(refused, 503, "UNAVAILABLE", "UNAVAILABLE").await;
    let health = data(test.get("/v1/health").await).await;
    let reason = health["bucket"]["unavailable"].as_str().unwrap();
    assert!(reason.contains("slivers/a/node"), "{reason}");
    assert!(test.metric("walrus_bucket_unavailable_seconds").await > 0);
    bucket.set(Mood::Up);
    test.assert_serves(&blob).await;
    let health = data(test.get("/v1/health").await).await;
    assert!(health["bucket"]["unavailable"].is_null(), "{health}");
    assert_eq!(test.metric("walrus_damaged_slivers_total").await, 0);
}

#[tokio::test]
async fn uploads_wait_while_the_bucket_is_away() {
    let bucket = TestBucket::start().await;
    let mut test = start(&bucket).await;
    bucket.set(Mood::Away);
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    let confirmation = paths::permanent_confirmation(&blob.id());
    assert_eq!(test.get(&confirmation).await.status(), StatusCode::OK);
    test.assert_serves(&blob).await;
    test.restart().await;
    test.assert_serves(&blob).await;
    let waiting = test.node().service().health(false).bucket.unwrap();
    let slivers = u64::try_from(slivers_of_a_node()).unwrap();
    assert_eq!(waiting.pending_uploads, slivers);
    assert!(waiting.pending_upload_bytes > slivers * 64 * 1024);

    // No more than is allowed.
    bucket_config(&mut test).write_ahead_bytes = waiting.pending_upload_bytes + 1;
    test.restart().await;
    let other = TestBlob::new(2, FILE_BLOB);
    test.chain.register(other.id(), other.tag(), 10);
    assert_eq!(
        test.put_metadata(&other).await.status(),
        StatusCode::CREATED
    );
    let refused = test.put_sliver(&other, OWNED[0], SliverType::Primary).await;
    assert!(refused.headers().contains_key(RETRY_AFTER));
    assert_refused(refused, 503, "UNAVAILABLE", "UNAVAILABLE").await;
    test.assert_serves(&blob).await;

    bucket.set(Mood::Up);
    moved(&test).await;
    test.assert_serves(&blob).await;
    for (shard, axis) in owned_slivers() {
        let stored = test.put_sliver(&other, shard, axis).await;
        assert_eq!(stored.status(), StatusCode::CREATED);
    }
    moved(&test).await;
    assert_eq!(bucket.slivers(PREFIX).len(), 2 * slivers_of_a_node());
}

#[tokio::test]
async fn what_the_bucket_has_lost_or_changed_is_missing_and_can_be_stored_again() {
    let bucket = TestBucket::start().await;
    let test = start(&bucket).await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    moved(&test).await;
    for (number, object) in bucket.slivers(PREFIX).iter().enumerate() {
        let mut bytes = fs::read(object).unwrap();
        match number % 4 {
            0 => bytes[1_000] ^= 1,
            1 => bytes.truncate(bytes.len() - 1),
            2 => bytes.clear(),
            _ => {
                fs::remove_file(object).unwrap();
                continue;
            }
        }
        fs::write(object, bytes).unwrap();
    }
    for (shard, axis) in owned_slivers() {
        let refused = test.get_sliver(&blob, shard, axis).await;
        assert_refused(refused, 404, "NOT_FOUND", "SLIVER_NOT_FOUND").await;
    }
    let damaged = u64::try_from(slivers_of_a_node()).unwrap();
    assert_eq!(test.metric("walrus_damaged_slivers_total").await, damaged);
    assert_eq!(test.metric("walrus_bucket_lost_objects").await, damaged);
    let confirmation = paths::permanent_confirmation(&blob.id());
    let refused = test.get(&confirmation).await;
    assert_refused(refused, 400, "FAILED_PRECONDITION", "MISSING_SLIVERS").await;
    for (shard, axis) in owned_slivers() {
        let stored = test.put_sliver(&blob, shard, axis).await;
        assert_eq!(stored.status(), StatusCode::CREATED);
    }
    moved(&test).await;
    test.assert_serves(&blob).await;
    // What was wrong is deleted.
    eventually(|| async { bucket.slivers(PREFIX).len() == slivers_of_a_node() }).await;
}

#[tokio::test]
async fn a_bucket_that_is_another_one_now_loses_nothing() {
    let bucket = TestBucket::start().await;
    let mut test = start(&bucket).await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    moved(&test).await;
    let (folder, aside) = (bucket.folder("a"), bucket.folder("aside"));
    fs::rename(&folder, &aside).unwrap();
    for (shard, axis) in owned_slivers() {
        let refused = test.get_sliver(&blob, shard, axis).await;
        assert_refused(refused, 503, "UNAVAILABLE", "UNAVAILABLE").await;
    }
    assert_eq!(test.metric("walrus_damaged_slivers_total").await, 0);
    test.stop().await;
    let error = test.try_start().await.unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("forget-bucket"), "{error}");
    fs::rename(&aside, &folder).unwrap();
    test.try_start().await.unwrap();
    test.assert_serves(&blob).await;
}

/// The real process, because only that can be killed.
#[tokio::test]
async fn an_upload_that_was_cut_off_is_done_again() {
    let bucket = TestBucket::start().await;
    let mut test = start(&bucket).await;
    let blob = TestBlob::new(1, FILE_BLOB);
    bucket.set(Mood::Away);
    test.store(&blob, 10).await;
    test.stop().await;
    let config_path = test.directory.path().join("node.yaml");
    fs::write(&config_path, test.config.to_yaml().unwrap()).unwrap();
    bucket.set(Mood::Stuck);
    let mut process = Command::new(env!("CARGO_BIN_EXE_walrus-node"))
        .arg("run")
        .arg("--config-path")
        .arg(&config_path)
        .kill_on_drop(true)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually(|| async { bucket.stuck_writes() > 0 }).await;
    process.kill().await.unwrap();
    bucket.set(Mood::Up);
    test.try_start().await.unwrap();
    test.assert_serves(&blob).await;
    moved(&test).await;
    test.assert_serves(&blob).await;
    assert_eq!(bucket.slivers(PREFIX).len(), slivers_of_a_node());
}

#[tokio::test]
async fn deletions_wait_for_the_bucket_too() {
    let bucket = TestBucket::start().await;
    let mut test = start(&bucket).await;
    let (short, long) = (TestBlob::new(1, FILE_BLOB), TestBlob::new(2, FILE_BLOB));
    test.store(&short, 2).await;
    test.store(&long, 10).await;
    moved(&test).await;
    bucket.set(Mood::Away);
    // One more that is never uploaded.
    let unsent = TestBlob::new(3, FILE_BLOB);
    test.store(&unsent, 2).await;
    test.chain.begin_epoch(2, OWNED);
    test.caught_up().await;
    let status = |blob: &TestBlob| paths::metadata_status(&blob.id());
    for blob in [&short, &unsent] {
        eventually(|| async { data(test.get(&status(blob)).await).await == "nonexistent" }).await;
        test.assert_holds_nothing(blob).await;
    }
    test.restart().await;
    assert_eq!(bucket.slivers(PREFIX).len(), 2 * slivers_of_a_node());
    bucket.set(Mood::Up);
    eventually(|| async { bucket.slivers(PREFIX).len() == slivers_of_a_node() }).await;
    moved(&test).await;
    test.assert_serves(&long).await;
    // A blob that was deleted can come back.
    test.chain.register(short.id(), 9, 10);
    test.upload(&short).await;
    moved(&test).await;
    test.assert_serves(&short).await;
}

#[tokio::test]
async fn objects_that_nobody_knows_are_deleted() {
    let bucket = TestBucket::start().await;
    let mut test = start(&bucket).await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    moved(&test).await;
    let known = bucket.slivers(PREFIX);
    test.stop().await;
    // Of an upload whose sender gave up: the same sliver under another number.
    let name = known[0].file_name().unwrap().to_str().unwrap();
    let orphan = known[0].with_file_name(format!("{}0123456789abcdef", &name[..name.len() - 16]));
    fs::copy(&known[0], &orphan).unwrap();
    let note = known[0].with_file_name("README");
    fs::write(&note, "left alone").unwrap();
    test.try_start().await.unwrap();
    eventually(|| async { !orphan.exists() }).await;
    assert!(note.exists());
    fs::remove_file(note).unwrap();
    assert_eq!(bucket.slivers(PREFIX), known);
    test.assert_serves(&blob).await;
}

#[tokio::test]
async fn a_wrong_bucket_stops_the_start() {
    let bucket = TestBucket::start().await;
    let mut test = start(&bucket).await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    moved(&test).await;
    test.stop().await;
    let right = test.config.clone();
    let wrong_secret = test.directory.path().join("wrong");
    fs::write(&wrong_secret, "not-the-secret").unwrap();
    let changes: [(&str, Change<'_>); 4] = [
        ("not configured", &|config| config.storage.bucket = None),
        ("Signature", &|config| {
            let path = wrong_secret.clone();
            let bucket = config.storage.bucket.as_mut().unwrap();
            bucket.secret_access_key = SecretSource::File { path };
        }),
        ("nothing-here", &|config| {
            config.storage.bucket.as_mut().unwrap().name = "nothing-here".into();
        }),
        ("does not say that it holds", &|config| {
            config.storage.bucket.as_mut().unwrap().prefix = "another".into();
        }),
    ];
    for (reason, change) in changes {
        test.config = right.clone();
        change(&mut test.config);
        let error = test.try_start().await.unwrap_err();
        assert_eq!(error.exit_code(), 3, "{error}");
        let text = error.to_string();
        assert!(text.contains(reason) && !text.contains('\n'), "{text}");
    }
    // A node with another storage must not have it, either.
    let directory = tempfile::tempdir().unwrap();
    test.config = right.clone();
    test.config.storage_path = directory.path().join("storage");
    let error = test.try_start().await.unwrap_err();
    assert!(error.to_string().contains("another storage"), "{error}");
    test.config = right;
    test.try_start().await.unwrap();
    test.assert_serves(&blob).await;
}

#[tokio::test]
async fn a_bucket_can_be_given_up() {
    let bucket = TestBucket::start().await;
    let mut test = start(&bucket).await;
    let blob = TestBlob::new(1, FILE_BLOB);
    test.store(&blob, 10).await;
    moved(&test).await;
    test.stop().await;
    test.config.storage.bucket = None;
    let path = test.config.storage_path.clone();
    assert!(Storage::open(&StorageOptions::new(&path)).is_err());
    let config_path = test.directory.path().join("node.yaml");
    fs::write(&config_path, test.config.to_yaml().unwrap()).unwrap();
    let forgotten = Command::new(env!("CARGO_BIN_EXE_walrus-node"))
        .args(["db", "forget-bucket", "--config-path"])
        .arg(&config_path)
        .output()
        .await
        .unwrap();
    assert!(forgotten.status.success(), "{forgotten:?}");
    let text = String::from_utf8(forgotten.stdout).unwrap();
    assert!(text.contains(&slivers_of_a_node().to_string()), "{text}");
    test.try_start().await.unwrap();
    test.caught_up().await;
    for (shard, axis) in owned_slivers() {
        let stored = test.put_sliver(&blob, shard, axis).await;
        assert_eq!(stored.status(), StatusCode::CREATED);
    }
    test.assert_serves(&blob).await;
    assert_eq!(files_in(&test, "slivers"), slivers_of_a_node());
}

#[tokio::test]
async fn shards_move_between_nodes_with_buckets_and_heal() {
    let bucket = TestBucket::start().await;
    let prefix = |config: &NodeConfig| {
        let directory = config.storage_path.parent().unwrap().file_name().unwrap();
        directory
            .to_str()
            .unwrap()
            .trim_start_matches('.')
            .to_owned()
    };
    let with_bucket = |config: &mut NodeConfig| {
        let prefix = prefix(config);
        use_bucket(config, &bucket, &prefix);
    };
    let mut cluster = Cluster::start_with(crate::healing::FOUR, with_bucket).await;
    let blobs = [TestBlob::new(1, FILE_BLOB)];
    for blob in &blobs {
        cluster.store(blob).await;
    }
    cluster.attested(1, 4).await;
    let uploaded = |cluster: &Cluster, node: usize| {
        let waiting = cluster.node(node).service().health(false).bucket.unwrap();
        waiting.pending_uploads == 0
    };
    for node in 0..4 {
        eventually(|| async { uploaded(&cluster, node) }).await;
    }
    cluster.begin_epoch(2, &[&[0, 1], &[3, 4], &[6, 7, 2], &[8, 9, 5]]);
    cluster.attested(2, 4).await;
    for node in 0..4 {
        cluster.heals(node, &blobs).await;
        eventually(|| async { uploaded(&cluster, node) }).await;
    }
    // A node whose bucket lost everything gets it back.
    let lost = prefix(&cluster.nodes[2].config);
    let objects = bucket.slivers(&lost);
    assert_eq!(objects.len(), 2 * 3);
    for object in &objects {
        fs::remove_file(object).unwrap();
    }
    for shard in [6, 7, 2] {
        for axis in [SliverType::Primary, SliverType::Secondary] {
            let path = paths::sliver(&blobs[0].id(), blobs[0].pair_of(shard), axis);
            cluster.get(2, &path).await;
        }
    }
    cluster.heals(2, &blobs).await;
    eventually(|| async { bucket.slivers(&lost).len() == objects.len() }).await;
}
