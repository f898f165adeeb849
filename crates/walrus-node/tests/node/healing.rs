//! Nodes help each other: shards move with their blobs, and what is missing comes back.

use std::{collections::BTreeSet, fs};

use reqwest::StatusCode;
use walrus_core::{SliverIndex, SliverType, VerifiedMetadata, node_api::paths};
use walrus_node::{
    recovery::plan::BlobShape,
    storage::{CommitOutcome, Storage, StorageOptions},
};

use crate::{
    cluster::{AXES, Cluster, upload_form},
    harness::{TestBlob, data, eventually, n_shards},
};

/// Any three of these nodes can give back what the fourth loses.
pub(crate) const FOUR: &[&[u16]] = &[&[0, 1, 2], &[3, 4, 5], &[6, 7], &[8, 9]];

fn blobs(count: u8) -> Vec<TestBlob> {
    (1..=count).map(|seed| TestBlob::new(seed, 5_000)).collect()
}

async fn store_all(cluster: &Cluster, blobs: &[TestBlob]) {
    for blob in blobs {
        cluster.store(blob).await;
    }
}

#[tokio::test]
async fn shards_move_with_their_blobs() {
    let mut cluster = Cluster::start(FOUR).await;
    let blobs = blobs(6);
    store_all(&cluster, &blobs).await;
    cluster.attested(1, 4).await;
    // Shards 2 and 5 move, and a gaining node is given a blob of the new epoch while it copies.
    cluster.begin_epoch(2, &[&[0, 1], &[3, 4], &[6, 7, 2], &[8, 9, 5]]);
    cluster.attested(2, 4).await;
    for node in 0..4 {
        cluster.heals(node, &blobs).await;
        let summary = cluster.node(node).service().health(false).shard_summary;
        assert_eq!(summary.owned_shard_status.ready, summary.owned);
    }
    for node in [2, 3] {
        let metrics = cluster.node(node).service().metrics().clone();
        let copied = metrics.copied_slivers.get();
        assert!(copied > 0 && copied + metrics.recovered_slivers.get() >= 2 * 6);
    }
    // The old owners still serve what moved away.
    let pair = blobs[0].pair_of(2);
    let old = paths::sliver(&blobs[0].id(), pair, SliverType::Primary);
    assert_eq!(cluster.get(0, &old).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_node_leaves_for_good() {
    let mut cluster = Cluster::start(FOUR).await;
    let blobs = blobs(4);
    store_all(&cluster, &blobs).await;
    cluster.stop(3).await;
    cluster.begin_epoch(2, &[&[0, 1, 2], &[3, 4, 5, 8], &[6, 7, 9], &[]]);
    cluster.attested(2, 4 - 1).await;
    for node in 0..3 {
        cluster.heals(node, &blobs).await;
    }
    let recovered = cluster.node(2).service().metrics().recovered_slivers.get();
    assert!(recovered >= 2 * 4);
}

#[tokio::test]
async fn a_node_that_was_down_during_a_write_gets_the_blob() {
    let mut cluster = Cluster::start(FOUR).await;
    cluster.stop(0).await;
    let blobs = blobs(3);
    store_all(&cluster, &blobs).await;
    cluster.start_again(0).await;
    cluster.heals(0, &blobs).await;
}

#[tokio::test]
async fn an_empty_disk_fills_again_before_the_epoch_is_attested() {
    let mut cluster = Cluster::start(FOUR).await;
    let blobs = blobs(5);
    store_all(&cluster, &blobs).await;
    cluster.stop(1).await;
    fs::remove_dir_all(cluster.nodes[1].directory.path().join("storage")).unwrap();
    cluster.begin_epoch(2, FOUR);
    cluster.attested(2, 3).await;
    cluster.start_again(1).await;
    cluster.attested(2, 4).await;
    // What is attested is there, not on its way.
    for blob in &blobs {
        assert!(cluster.holds(1, blob).await);
    }
    let health = cluster.node(1).service().health(false);
    assert_eq!(health.node_status, "Active");
}

#[tokio::test]
async fn who_starts_is_active_once_it_has_processed_what_there_was() {
    let mut cluster = Cluster::start(FOUR).await;
    store_all(&cluster, &blobs(20)).await;
    cluster.stop(1).await;
    fs::remove_dir_all(cluster.nodes[1].directory.path().join("storage")).unwrap();
    let there_was = Some(cluster.chain.last_checkpoint());
    cluster.start_without_waiting(1).await;
    let mut seen = BTreeSet::new();
    loop {
        let health = cluster.node(1).service().health(false);
        seen.insert(health.node_status.clone());
        if health.node_status == "Active" {
            assert!(health.latest_checkpoint_sequence_number >= there_was);
            break;
        }
        tokio::task::yield_now().await;
    }
    let expected = ["Active", "RecoveryCatchUp", "Standby"];
    assert!(
        seen.iter()
            .all(|status| expected.contains(&status.as_str())),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_shard_that_is_half_here_is_never_attested() {
    let mut cluster = Cluster::start(FOUR).await;
    let blobs = blobs(4);
    store_all(&cluster, &blobs[..2]).await;
    // The source of the shard lacks the later blobs, and those who could help are away.
    cluster.stop(0).await;
    store_all(&cluster, &blobs[2..]).await;
    cluster.stop(1).await;
    cluster.start_again(0).await;
    cluster.stop(3).await;
    cluster.begin_epoch(2, &[&[0, 1], &[3, 4, 5], &[6, 7, 2], &[8, 9]]);
    let copied = || cluster.node(2).service().metrics().copied_slivers.get();
    eventually(|| async { copied() == 2 * 2 }).await;
    let in_recovery = |cluster: &Cluster| {
        let summary = cluster.node(2).service().health(false).shard_summary;
        summary.owned_shard_status.in_recovery
    };
    eventually(|| async { in_recovery(&cluster) == 1 }).await;
    cluster.stop(2).await;
    cluster.start_again(2).await;
    assert_eq!(in_recovery(&cluster), 1);
    for blob in &blobs[..2] {
        assert!(cluster.holds(2, blob).await);
    }
    assert_eq!(cluster.attestations(2), 0);
    cluster.start_again(1).await;
    cluster.start_again(3).await;
    cluster.attested(2, 4).await;
    cluster.heals(2, &blobs).await;
}

#[tokio::test]
async fn bit_rot_is_mended_with_a_part_of_the_blob() {
    let cluster = Cluster::start(FOUR).await;
    // Large enough that slivers get files and proofs weigh little.
    let size = 1_500_000;
    let blob = TestBlob::new(1, size);
    cluster.store(&blob).await;
    cluster.caught_up(0).await;
    let shape = BlobShape {
        n_shards: n_shards(),
        symbol_bytes: blob.metadata().symbol_size().get(),
    };
    let metrics = cluster.node(0).service().metrics().clone();
    let mut received = 0;
    for (recovered, axis) in (1..).zip(AXES) {
        rot(&cluster, 0, axis);
        let path = paths::sliver(&blob.id(), blob.pair_of(0), axis);
        // Damaged bytes never leave the node; reading them is what gets them mended.
        assert_eq!(cluster.get(0, &path).await.status(), StatusCode::NOT_FOUND);
        eventually(|| cluster.holds(0, &blob)).await;
        assert_eq!(metrics.recovered_slivers.get(), recovered);
        let bytes = metrics.recovery_bytes.get() - received;
        received += bytes;
        // The formula: a symbol with its proof from each of enough slivers, less those this node
        // has itself.
        let own = 3;
        let symbols = shape.symbols_needed(axis) - own;
        let symbol = u64::from(shape.symbol_bytes);
        assert!(bytes >= u64::try_from(symbols).unwrap() * symbol);
        assert!(bytes <= shape.proven_symbols_bytes(symbols));
        assert!(bytes < shape.blob_bytes() / 4);
    }
}

/// Flips a byte of the sliver file of shard 0.
fn rot(cluster: &Cluster, node: usize, axis: SliverType) {
    let slivers = cluster.nodes[node].directory.path().join("storage/slivers");
    for directory in fs::read_dir(slivers).unwrap() {
        for file in fs::read_dir(directory.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.to_str().unwrap().ends_with(&format!("-0-{axis}")) {
                let mut bytes = fs::read(&path).unwrap();
                bytes[100] ^= 1;
                fs::write(&path, bytes).unwrap();
                return;
            }
        }
    }
    panic!("no file of the sliver");
}

/// A writer commits to slivers that are not one codeword: the hash of one sliver is that of its
/// neighbour.
#[tokio::test]
async fn a_blob_that_was_encoded_inconsistently_is_invalidated_and_dropped() {
    for (seed, axis) in (1..).zip(AXES) {
        let cluster = Cluster::start(FOUR).await;
        store_inconsistent(&cluster, &TestBlob::new(seed, 5_000), axis).await;
    }
}

/// Stores a blob of which one sliver is not what its metadata says, and waits until all nodes have
/// dropped it.
pub(crate) async fn store_inconsistent(cluster: &Cluster, blob: &TestBlob, axis: SliverType) {
    let metadata = inconsistent(blob, axis);
    let id = *metadata.blob_id();
    cluster.chain.register(id, 1, 10);
    let mut refused = 0;
    for node in 0..4 {
        cluster
            .upload_metadata(node, id, upload_form(&metadata))
            .await;
        for (shard, sliver_axis) in cluster.slivers_of(node) {
            let pair = walrus_core::ShardIndex(shard).to_pair(&id, n_shards());
            let path = paths::sliver(&id, pair, sliver_axis);
            let body = blob.sliver_body(pair, sliver_axis);
            if cluster.put(node, &path, body).await != StatusCode::CREATED {
                refused += 1;
            }
        }
    }
    // Only the sliver whose hash is wrong.
    assert_eq!(refused, 1);
    cluster.certify(id, 1);
    for node in 0..4 {
        eventually(|| async {
            let status = data(cluster.get(node, &paths::blob_status(&id)).await).await;
            status.get("invalid").is_some()
        })
        .await;
        eventually(|| async {
            let status = cluster.get(node, &paths::metadata_status(&id)).await;
            data(status).await == "nonexistent"
        })
        .await;
        let metadata = cluster.get(node, &paths::metadata(&id)).await;
        assert_eq!(metadata.status(), StatusCode::NOT_FOUND);
    }
}

fn inconsistent(blob: &TestBlob, axis: SliverType) -> VerifiedMetadata {
    let bad = SliverIndex(2);
    let next = SliverIndex(3);
    let mut hashes = blob.metadata().metadata().hashes().to_vec();
    let other = hashes[next.to_pair(axis, n_shards()).as_usize()];
    let pair = &mut hashes[bad.to_pair(axis, n_shards()).as_usize()];
    match axis {
        SliverType::Primary => pair.primary_hash = other.primary_hash,
        SliverType::Secondary => pair.secondary_hash = other.secondary_hash,
    }
    VerifiedMetadata::compute(n_shards(), 5_000, hashes).unwrap()
}

#[tokio::test]
async fn metadata_that_is_lost_comes_back_alone() {
    let mut cluster = Cluster::start(FOUR).await;
    let blob = TestBlob::new(1, 60_000);
    cluster.store(&blob).await;
    cluster.caught_up(0).await;
    cluster.stop(0).await;
    let path = cluster.nodes[0].directory.path().join("storage");
    let storage = Storage::open(&StorageOptions::new(&path)).unwrap();
    let found = storage.read_metadata(blob.id()).await.unwrap();
    let forgotten = storage.forget_damaged_metadata(blob.id(), found).await;
    assert_eq!(forgotten.unwrap(), CommitOutcome::Removed(1));
    storage.close().await.unwrap();
    drop(storage);
    cluster.start_again(0).await;
    cluster.heals(0, &[blob]).await;
    let metrics = cluster.node(0).service().metrics().clone();
    assert_eq!(metrics.recovered_slivers.get(), 0);
}
