//! The events of the chain are published in Walrus itself, and nodes catch up with that.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use walrus_contracts::{
    event_blob::EventBlob,
    events::{PricesUpdated, WalrusEvent},
};
use walrus_core::{
    BlobId, BlobMetadataWithId, EventId, PrimarySliver, ShardIndex, SliverType,
    node_api::{BlobStatus, paths},
};
use walrus_encoder::{ConsistencyCheck, Encoder};
use walrus_node::{NodeConfig, chain::CertifiedEventBlob};

use crate::{
    cluster::Cluster,
    harness::{MAX_EPOCHS_AHEAD, ScriptedChain, TestBlob, eventually, n_shards},
};

/// Any three of these nodes make a quorum.
const FOUR: &[&[u16]] = &[&[0, 1, 2], &[3, 4, 5], &[6, 7], &[8, 9]];

/// Checkpoints of an event blob here.
const CHECKPOINTS: u64 = 5;

fn short_files(config: &mut NodeConfig) {
    config.event_blob_cut.max_checkpoints = CHECKPOINTS;
}

fn small_event(number: u64) -> WalrusEvent {
    let event = PricesUpdated {
        epoch: 1,
        storage_price: number,
        write_price: 2,
    };
    event.into()
}

/// Emits events until an event blob after those there are is certified.
async fn certify_another(chain: &ScriptedChain) -> CertifiedEventBlob {
    let before = chain.latest_event_blob();
    for number in 0..CHECKPOINTS {
        chain.emit(vec![small_event(number), small_event(number + 1)]);
    }
    eventually(|| async { chain.latest_event_blob() != before }).await;
    chain.latest_event_blob().unwrap()
}

/// An event blob, decoded from what the nodes serve.
async fn read(cluster: &Cluster, blob_id: BlobId) -> EventBlob {
    let encoder = Encoder::new(n_shards()).unwrap();
    let (mut metadata, mut slivers) = (None, BTreeMap::new());
    for node in 0..cluster.nodes.len() {
        if cluster.nodes[node].running.is_none() {
            continue;
        }
        let answer = cluster.get(node, &paths::metadata(&blob_id)).await;
        if answer.status() == StatusCode::OK {
            let wire: BlobMetadataWithId = bcs::from_bytes(&answer.bytes().await.unwrap()).unwrap();
            assert_eq!(wire.blob_id, blob_id);
            metadata = Some(wire.verify(n_shards()).unwrap());
        }
        for (shard, axis) in cluster.slivers_of(node) {
            let pair = ShardIndex(shard).to_pair(&blob_id, n_shards());
            let path = paths::sliver(&blob_id, pair, axis);
            let answer = cluster.get(node, &path).await;
            if axis == SliverType::Primary && answer.status() == StatusCode::OK {
                let sliver: PrimarySliver =
                    bcs::from_bytes(&answer.bytes().await.unwrap()).unwrap();
                slivers.insert(sliver.index, sliver);
            }
        }
    }
    let slivers: Vec<_> = slivers.into_values().collect();
    let bytes = encoder
        .decode(&metadata.unwrap(), slivers, ConsistencyCheck::Strict)
        .unwrap();
    EventBlob::parse(bytes).unwrap()
}

/// All certified events from the beginning, by walking back.
async fn certified_events(cluster: &Cluster) -> Vec<(u64, Vec<(EventId, WalrusEvent)>)> {
    let certified = cluster.chain.event_blobs.lock().certified.clone();
    let mut next = certified.last().map(|blob| blob.blob_id);
    let mut blobs = Vec::new();
    while let Some(blob_id) = next {
        let blob = read(cluster, blob_id).await;
        next = blob.previous();
        blobs.push(blob);
    }
    assert_eq!(blobs.len(), certified.len());
    blobs.reverse();
    let (mut index, mut events) = (0, Vec::new());
    for blob in &blobs {
        assert_eq!(blob.first_index(), index);
        index = blob.end_index();
        let checkpoints = blob.checkpoints().map(Result::unwrap);
        events.extend(checkpoints.map(|checkpoint| (checkpoint.checkpoint, checkpoint.events)));
    }
    events
}

/// What the chain has emitted.
fn emitted(chain: &ScriptedChain) -> Vec<(u64, Vec<(EventId, WalrusEvent)>)> {
    let checkpoints = chain.all_checkpoints().into_iter();
    checkpoints
        .map(|checkpoint| (checkpoint.checkpoint, checkpoint.events))
        .collect()
}

#[tokio::test]
async fn all_nodes_write_the_same_event_blobs() {
    let cluster = Cluster::start_with(FOUR, short_files).await;
    let blob = TestBlob::new(1, 5_000);
    cluster.store(&blob).await;
    for _ in 0..3 {
        certify_another(&cluster.chain).await;
    }
    let latest = cluster.chain.latest_event_blob().unwrap();
    let certified = certified_events(&cluster).await;
    assert!(certified.last().unwrap().0 >= latest.last_checkpoint);
    assert_eq!(certified[..], emitted(&cluster.chain)[..certified.len()]);
    // Every node has its own slivers of it, and says how far it is.
    for node in 0..4 {
        cluster.caught_up(node).await;
        eventually(|| async {
            let progress = cluster
                .node(node)
                .service()
                .health(false)
                .event_blobs
                .unwrap();
            progress.last_certified_checkpoint == Some(latest.last_checkpoint)
                || cluster.chain.latest_event_blob() != Some(latest)
        })
        .await;
        let metrics = cluster.node(node).service().metrics().clone();
        assert!(metrics.event_blobs_attested.get() > 0);
        assert_eq!(metrics.event_blob_forks.get(), 0);
        assert_eq!(metrics.recovered_slivers.get(), 0);
    }
}

#[tokio::test]
async fn nodes_that_stop_in_between_go_on_with_the_same_files() {
    let mut cluster = Cluster::start_with(FOUR, short_files).await;
    certify_another(&cluster.chain).await;
    // Without a quorum nothing is certified; the log grows over several files meanwhile.
    cluster.stop(0).await;
    cluster.stop(1).await;
    let latest = cluster.chain.latest_event_blob();
    for number in 0..3 * CHECKPOINTS {
        cluster.chain.emit(vec![small_event(number)]);
        if number == CHECKPOINTS {
            cluster.stop(2).await;
            cluster.start_again(2).await;
        }
    }
    cluster.caught_up(2).await;
    cluster.caught_up(3).await;
    assert_eq!(cluster.chain.latest_event_blob(), latest);
    let waiting = cluster.node(3).service().health(false).event_blobs.unwrap();
    assert!(waiting.uncertified >= 3, "{waiting:?}");
    cluster.start_again(0).await;
    // One after another.
    let last = cluster.chain.last_checkpoint();
    eventually(|| async {
        let latest = cluster.chain.latest_event_blob().unwrap();
        latest.last_checkpoint + CHECKPOINTS > last
    })
    .await;
    cluster.start_again(1).await;
    let latest = certify_another(&cluster.chain).await;
    let certified = certified_events(&cluster).await;
    assert_eq!(certified[..], emitted(&cluster.chain)[..certified.len()]);
    assert!(latest.last_checkpoint >= last);
    for node in 0..4 {
        assert_eq!(
            cluster
                .node(node)
                .service()
                .metrics()
                .event_blob_forks
                .get(),
            0
        );
    }
}

#[tokio::test]
async fn what_is_attested_when_the_epoch_changes_is_attested_again() {
    let mut cluster = Cluster::start_with(FOUR, short_files).await;
    certify_another(&cluster.chain).await;
    cluster.stop(0).await;
    cluster.stop(1).await;
    let latest = cluster.chain.latest_event_blob();
    for number in 0..CHECKPOINTS {
        cluster.chain.emit(vec![small_event(number)]);
    }
    for node in [2, 3] {
        let metrics = cluster.node(node).service().metrics().clone();
        eventually(|| async { metrics.event_blobs_attested.get() > 1 }).await;
    }
    // The contract forgets the tally; shard 9 moves, and what collects garbage must not take the
    // slivers.
    cluster.chain.event_blobs.lock().forget_tally();
    cluster.begin_epoch(2, &[&[0, 1, 2, 9], &[3, 4, 5], &[6, 7], &[8]]);
    cluster.all_in_epoch(2).await;
    assert_eq!(cluster.chain.latest_event_blob(), latest);
    cluster.start_again(0).await;
    eventually(|| async { cluster.chain.latest_event_blob() != latest }).await;
    let certified = certified_events(&cluster).await;
    assert_eq!(certified[..], emitted(&cluster.chain)[..certified.len()]);
}

#[tokio::test]
async fn a_node_that_cuts_elsewhere_follows_the_others() {
    let mut cluster = Cluster::start_with(FOUR, short_files).await;
    certify_another(&cluster.chain).await;
    cluster.stop(3).await;
    cluster.nodes[3].config.event_blob_cut.max_checkpoints = CHECKPOINTS - 1;
    cluster.start_again(3).await;
    certify_another(&cluster.chain).await;
    certify_another(&cluster.chain).await;
    let metrics = cluster.node(3).service().metrics().clone();
    eventually(|| async { metrics.event_blob_forks.get() > 0 }).await;
    // Corrected, it takes part again.
    cluster.stop(3).await;
    cluster.nodes[3].config.event_blob_cut.max_checkpoints = CHECKPOINTS;
    cluster.start_again(3).await;
    cluster.stop(0).await;
    certify_another(&cluster.chain).await;
    certify_another(&cluster.chain).await;
    let certified = certified_events(&cluster).await;
    assert_eq!(certified[..], emitted(&cluster.chain)[..certified.len()]);
}

/// Stops a node, lets the others write event blobs, and has full nodes forget what is in them.
async fn leave_behind(cluster: &mut Cluster, node: usize) {
    cluster.stop(node).await;
    certify_another(&cluster.chain).await;
    let latest = certify_another(&cluster.chain).await;
    cluster.chain.prune_before(latest.last_checkpoint);
}

/// What a node says about events and about a blob.
async fn standing(cluster: &Cluster, node: usize, blob: BlobId) -> (u64, BlobStatus) {
    cluster.caught_up(node).await;
    let service = cluster.node(node).service();
    let index = service.health(false).event_progress.persisted;
    (index, service.blob_status(blob).await.unwrap())
}

/// Waits until a node has come as far as the first one and says the same of the blob. Event blobs
/// that become certified meanwhile are events too, so both may have to catch up again.
async fn agree(cluster: &Cluster, node: usize, blob: BlobId) {
    eventually(|| async {
        standing(cluster, node, blob).await == standing(cluster, 0, blob).await
    })
    .await;
}

#[tokio::test]
async fn a_node_that_was_away_catches_up_with_event_blobs() {
    let mut cluster = Cluster::start_with(FOUR, short_files).await;
    cluster.stop(3).await;
    let blob = TestBlob::new(1, 5_000);
    cluster.store(&blob).await;
    cluster.nodes[3].running = None;
    certify_another(&cluster.chain).await;
    let latest = certify_another(&cluster.chain).await;
    cluster.chain.prune_before(latest.last_checkpoint);
    cluster.start_again(3).await;
    assert!(
        cluster
            .node(3)
            .service()
            .metrics()
            .event_blobs_replayed
            .get()
            >= 2
    );
    agree(&cluster, 3, blob.id()).await;
    cluster.heals(3, &[blob]).await;
    // It writes the next ones with the others, of which one is gone.
    cluster.stop(0).await;
    certify_another(&cluster.chain).await;
    certify_another(&cluster.chain).await;
    assert!(
        !cluster.nodes[3]
            .directory
            .path()
            .join("storage/event_blobs")
            .exists()
    );
}

#[tokio::test]
async fn an_empty_disk_is_filled_from_event_blobs() {
    let mut cluster = Cluster::start_with(FOUR, short_files).await;
    let blobs: Vec<_> = (1..=3).map(|seed| TestBlob::new(seed, 5_000)).collect();
    for blob in &blobs {
        cluster.store(blob).await;
    }
    cluster.begin_epoch(2, FOUR);
    cluster.begin_epoch(3, FOUR);
    for node in 0..4 {
        cluster.caught_up(node).await;
    }
    cluster.all_in_epoch(3).await;
    leave_behind(&mut cluster, 3).await;
    std::fs::remove_dir_all(cluster.nodes[3].directory.path().join("storage")).unwrap();
    cluster.start_again(3).await;
    for blob in &blobs {
        agree(&cluster, 3, blob.id()).await;
    }
    cluster.heals(3, &blobs).await;
    let status = || cluster.node(3).service().health(false).node_status;
    eventually(|| async { status() == "Active" }).await;
    cluster.stop(0).await;
    certify_another(&cluster.chain).await;
    certify_another(&cluster.chain).await;
}

#[tokio::test]
async fn old_data_and_no_old_events() {
    let mut cluster = Cluster::start_with(FOUR, short_files).await;
    let old = TestBlob::new(1, 5_000);
    cluster.store(&old).await;
    cluster.stop(3).await;
    certify_another(&cluster.chain).await;
    // The first event blobs expire with the blobs they are about.
    let last_epoch = 2 + MAX_EPOCHS_AHEAD;
    for epoch in 2..=last_epoch {
        cluster.begin_epoch(epoch, FOUR);
        for node in 0..3 {
            cluster.caught_up(node).await;
        }
        cluster.all_in_epoch(epoch).await;
        certify_another(&cluster.chain).await;
    }
    let first = cluster.chain.event_blobs.lock().certified[0];
    eventually(|| async {
        let path = paths::metadata(&first.blob_id);
        cluster.get(0, &path).await.status() == StatusCode::NOT_FOUND
    })
    .await;
    let young = TestBlob::new(2, 5_000);
    cluster.store_until(&young, last_epoch + 5).await;
    let latest = certify_another(&cluster.chain).await;
    cluster.chain.prune_before(latest.last_checkpoint);
    cluster.start_again(3).await;
    for blob in [&old, &young] {
        agree(&cluster, 3, blob.id()).await;
    }
    let status = cluster
        .node(3)
        .service()
        .blob_status(old.id())
        .await
        .unwrap();
    assert_eq!(status, BlobStatus::Nonexistent);
    cluster.heals(3, &[young]).await;
    let status = || cluster.node(3).service().health(false).node_status;
    eventually(|| async { status() == "Active" }).await;
}

#[tokio::test]
async fn history_that_is_nowhere_is_waited_for() {
    let mut cluster = Cluster::start_with(FOUR, short_files).await;
    cluster.caught_up(3).await;
    cluster.stop(3).await;
    let blob = TestBlob::new(1, 5_000);
    cluster.store(&blob).await;
    let needed = cluster.chain.last_checkpoint();
    cluster.chain.prune_before(needed);
    cluster.start_without_waiting(3).await;
    let service = cluster.node(3).service().clone();
    // Others certify what is missing, or a full node that has it is found.
    let status = service.blob_status(blob.id()).await.unwrap();
    assert_eq!(status, BlobStatus::Nonexistent);
    cluster.chain.prune_before(0);
    cluster.caught_up(3).await;
    cluster.heals(3, &[blob]).await;
}
