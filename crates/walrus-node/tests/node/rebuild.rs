//! A damaged index is never the end: the node starts, or says how to get another one, and that one
//! has all slivers.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use walrus_core::ObjectId;
use walrus_node::{StorageNode, storage::INDEXES_ASIDE_MAX};

use crate::{
    cluster::Cluster,
    damage::{compact, copy_folder, files_below, find, free_port},
    harness::{Mood, TestBlob, TestBucket, TestNode, client},
    healing::FOUR,
};

/// Large enough that slivers do not stay in the index.
const FILE_BLOB: usize = 1_500_000;

fn command(config_path: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_walrus-node"));
    command.args(words).arg("--config-path").arg(config_path);
    command.kill_on_drop(true);
    command
}

/// What a node writes to standard error that does not start; `None` if it serves.
async fn refusal(config_path: &Path, port: u16) -> Option<String> {
    let mut process = command(config_path, &["run"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let url = format!("http://127.0.0.1:{port}/v1/health");
    let http = client();
    loop {
        if process.try_wait().unwrap().is_some() {
            let output = process.wait_with_output().await.unwrap();
            return Some(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        if http.get(&url).send().await.is_ok() {
            process.kill().await.unwrap();
            return None;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn flip(file: &Path, bit: u64) {
    let mut bytes = fs::read(file).unwrap();
    bytes[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
    fs::write(file, bytes).unwrap();
}

/// The real process: some damage ends it without a word.
#[tokio::test]
async fn a_flipped_bit_never_ends_a_node_for_good() {
    const FLIPS: usize = 16;
    const STARTS_MAX: usize = 5;
    let seed: u64 = rand::thread_rng().r#gen();
    println!("seed {seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let mut test = TestNode::start().await;
    for number in 0..4 {
        test.store(&TestBlob::new(number, 3_000), 10).await;
    }
    test.stop().await;
    test.compact().await;
    test.config.rebuild_damaged_index = false;
    let port = free_port();
    test.config.rest_api_address = ([127, 0, 0, 1], port).into();
    let config_path = test.directory.path().join("node.yaml");
    fs::write(&config_path, test.config.to_yaml().unwrap()).unwrap();
    let storage = test.config.storage_path.clone();
    let copy = test.directory.path().join("copy");
    copy_folder(&storage, &copy);
    let files: Vec<PathBuf> = files_below(&copy.join("index"))
        .into_iter()
        .filter(|file| fs::metadata(file).unwrap().len() > 0)
        .collect();
    for _ in 0..FLIPS {
        fs::remove_dir_all(&storage).unwrap();
        copy_folder(&copy, &storage);
        let file = &files[chance.gen_range(0..files.len())];
        // The journal is mostly room for more.
        let bits = fs::metadata(file).unwrap().len().min(100_000) * 8;
        let bit = chance.gen_range(0..bits);
        flip(&storage.join(file.strip_prefix(&copy).unwrap()), bit);
        let mut said = None;
        for _ in 0..STARTS_MAX {
            said = refusal(&config_path, port).await;
            if said.as_ref().is_none_or(|said| said.contains("db rebuild")) {
                break;
            }
        }
        assert!(
            said.as_ref().is_none_or(|said| said.contains("db rebuild")),
            "seed {seed}, bit {bit} of {}: {said:?}",
            file.display()
        );
        if said.is_some() {
            let rebuilt = command(&config_path, &["db", "rebuild"]).output().await;
            assert!(rebuilt.unwrap().status.success());
        }
    }
}

/// A member that was away does everything but take part.
#[tokio::test]
async fn a_node_catches_up_before_it_goes_live() {
    let mut cluster = Cluster::start(FOUR).await;
    cluster.attested(1, 4).await;
    cluster.stop(0).await;
    let blobs = [TestBlob::new(1, FILE_BLOB), TestBlob::new(2, 500)];
    for blob in &blobs {
        cluster.store(blob).await;
    }
    let sent = cluster.chain.attested.borrow().clone();
    let mut looks = 0;
    let caught_up = StorageNode::catch_up_with_chain(
        cluster.nodes[0].config.clone(),
        cluster.chain.seen_by(ObjectId([11; 32])),
        CancellationToken::new(),
        |_, _| looks += 1,
    )
    .await
    .unwrap();
    assert_eq!((caught_up.epoch, caught_up.shards), (1, 3));
    assert_eq!(caught_up.checkpoint, Some(cluster.chain.last_checkpoint()));
    assert!(looks > 0);
    assert_eq!(cluster.chain.attested.borrow().clone(), sent);
    // It has what it lacked: the others are not needed any more.
    for node in 1..4 {
        cluster.stop(node).await;
    }
    cluster.start_again(0).await;
    cluster.heals(0, &blobs).await;
}

/// Zeros everything in the index of a node that does not run.
fn destroy_index(cluster: &Cluster, node: usize) {
    let index = cluster.nodes[node].config.storage_path.join("index");
    for file in files_below(&index) {
        let bytes = fs::metadata(&file).unwrap().len();
        fs::write(&file, vec![0; usize::try_from(bytes.min(4_096)).unwrap()]).unwrap();
    }
}

async fn rebuild(cluster: &mut Cluster, node: usize) {
    cluster.stop(node).await;
    destroy_index(cluster, node);
    let config_path = cluster.nodes[node].directory.path().join("node.yaml");
    fs::write(&config_path, cluster.nodes[node].config.to_yaml().unwrap()).unwrap();
    let inspected = command(&config_path, &["db", "inspect"])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(inspected.stderr).unwrap();
    assert!(said.contains("db rebuild"), "{said}");
    let rebuilt = command(&config_path, &["db", "rebuild"])
        .output()
        .await
        .unwrap();
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    cluster.start_again(node).await;
}

#[tokio::test]
async fn slivers_outlive_their_index() {
    let mut cluster = Cluster::start(FOUR).await;
    let blobs = [TestBlob::new(1, FILE_BLOB), TestBlob::new(2, FILE_BLOB)];
    for blob in &blobs {
        cluster.store(blob).await;
    }
    cluster.attested(1, 4).await;
    rebuild(&mut cluster, 0).await;
    cluster.ends_well(&[0], &blobs).await;
    // They came from quarantine, which is empty now, and not from other nodes.
    let metrics = cluster.node(0).service().metrics();
    assert_eq!(metrics.recovered_slivers.get(), 0);
}

#[tokio::test]
async fn a_damaged_index_is_replaced_without_anybody_doing_anything() {
    let mut cluster = Cluster::start(FOUR).await;
    let blobs = [TestBlob::new(1, FILE_BLOB), TestBlob::new(2, 500)];
    for blob in &blobs {
        cluster.store(blob).await;
    }
    cluster.attested(1, 4).await;
    for _ in 0..INDEXES_ASIDE_MAX {
        cluster.stop(0).await;
        destroy_index(&cluster, 0);
        cluster.start_again(0).await;
        cluster.ends_well(&[0], &blobs).await;
    }
    // A disk that does it again and again is not well.
    cluster.stop(0).await;
    destroy_index(&cluster, 0);
    let refused = cluster.try_start(0).await.unwrap_err();
    assert_eq!(refused.exit_code(), 3);
    assert!(
        refused.to_string().contains("look at the disk"),
        "{refused}"
    );
    let storage = cluster.nodes[0].config.storage_path.clone();
    for number in 1..=INDEXES_ASIDE_MAX {
        fs::remove_dir_all(storage.join(format!("index.damaged.{number}"))).unwrap();
    }
    cluster.start_again(0).await;
    cluster.ends_well(&[0], &blobs).await;
}

#[tokio::test]
async fn a_rebuild_that_is_interrupted_is_done_again() {
    let mut cluster = Cluster::start(FOUR).await;
    let blobs = [TestBlob::new(1, FILE_BLOB), TestBlob::new(2, 500)];
    for blob in &blobs {
        cluster.store(blob).await;
    }
    cluster.attested(1, 4).await;
    cluster.stop(0).await;
    let storage = cluster.nodes[0].config.storage_path.clone();
    // The index is put aside, and nothing else is done.
    fs::write(storage.join("index.is-damaged"), []).unwrap();
    fs::rename(storage.join("index"), storage.join("index.damaged.1")).unwrap();
    cluster.start_again(0).await;
    cluster.ends_well(&[0], &blobs).await;
    assert!(!storage.join("index.is-damaged").exists());
    assert!(!storage.join("index.damaged.2").exists());
}

#[tokio::test]
async fn a_damaged_record_that_events_need_is_replaced_too() {
    let mut cluster = Cluster::start(FOUR).await;
    let blobs = [TestBlob::new(1, FILE_BLOB), TestBlob::new(2, 500)];
    for blob in &blobs {
        cluster.store(blob).await;
    }
    cluster.attested(1, 4).await;
    cluster.stop(0).await;
    let storage = cluster.nodes[0].config.storage_path.clone();
    compact(&storage).await;
    let id = blobs[0].id();
    for file in files_below(&storage.join("index/keyspaces")) {
        let mut bytes = fs::read(&file).unwrap();
        if let Some(position) = find(&bytes, &id.0) {
            bytes[position + id.0.len() - 1] ^= 1;
            fs::write(&file, bytes).unwrap();
        }
    }
    cluster.start_without_waiting(0).await;
    cluster.chain.register(id, 77, 20);
    cluster.node(0).failed().await;
    assert!(cluster.node(0).needs_another_index());
    // Whether closing what is damaged works does not matter.
    let running = cluster.nodes[0].running.take().unwrap();
    drop(running.shutdown().await);
    cluster.start_again(0).await;
    cluster.ends_well(&[0], &blobs).await;
    assert!(storage.join("index.damaged.1").exists());
}

#[tokio::test]
async fn slivers_in_a_bucket_outlive_their_index_too() {
    let bucket = TestBucket::start().await;
    let mut cluster = Cluster::start(FOUR).await;
    cluster.stop(0).await;
    cluster.nodes[0].config.storage.bucket = Some(bucket.config("zero"));
    cluster.start_again(0).await;
    let blobs = [TestBlob::new(1, FILE_BLOB)];
    for blob in &blobs {
        cluster.store(blob).await;
    }
    cluster.attested(1, 4).await;
    let uploaded = |cluster: &Cluster| {
        let health = cluster.node(0).service().health(false);
        health.bucket.unwrap().pending_uploads == 0
    };
    crate::harness::eventually(|| async { uploaded(&cluster) }).await;
    let objects = bucket.slivers("zero");
    assert_eq!(objects.len(), 2 * 3);
    rebuild(&mut cluster, 0).await;
    cluster.ends_well(&[0], &blobs).await;
    let metrics = cluster.node(0).service().metrics();
    assert_eq!(metrics.recovered_slivers.get(), 0);
    crate::harness::eventually(|| async { uploaded(&cluster) }).await;
    // What is there twice goes with the next look.
    bucket.set(Mood::Up);
    cluster.stop(0).await;
    cluster.nodes[0].config.scrub_cycle_secs = 1;
    cluster.start_again(0).await;
    crate::harness::eventually(|| async { bucket.slivers("zero").len() == objects.len() }).await;
    cluster.ends_well(&[0], &blobs).await;
}
