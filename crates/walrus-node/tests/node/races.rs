//! Several things at once, in an order that chance decides: whatever comes first, all nodes end in
//! full health with what is paid for and nothing else. A failing seed is in the message.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use reqwest::StatusCode;
use walrus_contracts::events::BlobDeleted;
use walrus_core::{Epoch, SliverType, node_api::paths};
use walrus_node::chain::WalrusEvent;

use crate::{
    cluster::Cluster,
    harness::{
        OWNED, Persistence, TestBlob, TestNode, certified, eventually, object_id, owned_slivers,
        registered,
    },
    healing::FOUR,
};

const ALL: [usize; 4] = [0, 1, 2, 3];

/// What becomes of the objects of a blob.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Certified, and lives.
    Lives,
    /// Certified and deleted.
    Deleted,
    /// Deleted and registered again by somebody else, who certifies it.
    DeletedAndBack,
    /// Certified, and ends with the epoch.
    Expires,
    /// About to end with the epoch, and extended.
    Extended,
}

const FATES: [Fate; 5] = [
    Fate::Lives,
    Fate::Deleted,
    Fate::DeletedAndBack,
    Fate::Expires,
    Fate::Extended,
];

impl Fate {
    fn lives(self) -> bool {
        matches!(self, Self::Lives | Self::DeletedAndBack | Self::Extended)
    }

    /// The end of the first registration.
    fn end(self) -> Epoch {
        match self {
            Self::Expires | Self::Extended => 2,
            _ => 10,
        }
    }

    /// Events after the registration, in the order the chain can have them.
    fn events(self, blob: &TestBlob) -> Vec<WalrusEvent> {
        let (id, object, other) = (blob.id(), blob.tag(), blob.tag() ^ 1);
        let deletable = Persistence::Deletable;
        let deleted = |was_certified| {
            let event = BlobDeleted {
                end_epoch: 10,
                blob_id: id,
                object_id: object_id(object),
                epoch: 1,
                was_certified,
            };
            event.into()
        };
        let certify = |object, end| certified(id, object, end, deletable);
        match self {
            Self::Lives | Self::Expires => vec![certify(object, self.end())],
            Self::Deleted => vec![certify(object, 10), deleted(true)],
            Self::DeletedAndBack => vec![
                deleted(false),
                registered(id, other, 10, deletable),
                certify(other, 10),
            ],
            Self::Extended => {
                let mut extended = certify(object, 10);
                if let WalrusEvent::BlobCertified(event) = &mut extended {
                    event.is_extension = true;
                }
                vec![certify(object, 2), extended]
            }
        }
    }
}

/// Events of several blobs mixed; those of one blob stay in order.
fn mixed(rng: &mut StdRng, mut rows: Vec<Vec<WalrusEvent>>) -> Vec<WalrusEvent> {
    let mut mixed = Vec::new();
    for row in &mut rows {
        row.reverse();
    }
    while !rows.is_empty() {
        let row = rng.gen_range(0..rows.len());
        match rows[row].pop() {
            Some(event) => mixed.push(event),
            None => drop(rows.swap_remove(row)),
        }
    }
    mixed
}

/// A node has lost its disk and heals while blobs are certified, deleted, extended and expire.
#[tokio::test]
async fn deleting_extending_and_expiring_while_a_node_heals() {
    for seed in 0..2 {
        let mut rng = StdRng::seed_from_u64(seed);
        println!("seed {seed}");
        let mut cluster = Cluster::start(FOUR).await;
        let mut fates = FATES.repeat(2);
        fates.shuffle(&mut rng);
        let blobs: Vec<TestBlob> = (0..).map(TestBlob::numbered).take(fates.len()).collect();
        let (mut live, mut gone) = (Vec::new(), Vec::new());
        let mut rows = Vec::new();
        for (blob, fate) in blobs.into_iter().zip(fates) {
            let deletable = Persistence::Deletable;
            let register = registered(blob.id(), blob.tag(), fate.end(), deletable);
            cluster.chain.emit(vec![register]);
            cluster.upload_to_all(&blob).await;
            rows.push(fate.events(&blob));
            if fate.lives() {
                live.push(blob);
            } else {
                gone.push(blob);
            }
        }
        let events = mixed(&mut rng, rows);
        let (early, late) = events.split_at(rng.gen_range(0..events.len()));
        cluster.chain.emit(early.to_vec());
        cluster.stop(1).await;
        cluster.chain.emit(late.to_vec());
        cluster.begin_epoch(2, FOUR);
        cluster.start_empty(1).await;
        cluster.attested(2, 4).await;
        cluster.ends_well(&ALL, &live).await;
        for blob in &gone {
            let metadata = cluster.get(0, &paths::metadata(&blob.id())).await;
            assert_eq!(metadata.status(), StatusCode::NOT_FOUND, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_node_joins_and_gains_shards_while_another_one_has_lost_its_disk() {
    let before: &[&[u16]] = &[&[0, 1, 2], &[3, 4, 5], &[6, 7], &[8, 9], &[]];
    let mut cluster = Cluster::start(before).await;
    let blobs: Vec<_> = (0..8).map(TestBlob::numbered).collect();
    for blob in &blobs {
        cluster.store(blob).await;
    }
    cluster.stop(1).await;
    // A part of what the new one gains has no other source than the one that is empty.
    cluster.begin_epoch(2, &[&[0, 1], &[3, 4], &[6, 7], &[8, 9], &[2, 5]]);
    cluster.start_empty(1).await;
    cluster.attested(2, 5).await;
    cluster.ends_well(&[0, 1, 2, 3, 4], &blobs).await;
}

/// The disk fills up while the node heals, and has room again later.
#[tokio::test]
async fn a_full_disk_interrupts_healing_and_nothing_else() {
    let mut cluster = Cluster::start(FOUR).await;
    let blobs: Vec<_> = (0..4).map(TestBlob::numbered).collect();
    cluster.stop(1).await;
    for blob in &blobs {
        cluster.store(blob).await;
    }
    cluster.nodes[1].config.disk_reserve_bytes = u64::MAX;
    cluster.begin_epoch(2, FOUR);
    cluster.start_again(1).await;
    cluster.attested(2, 3).await;
    // It knows what it lacks and goes on asking for it.
    let service = cluster.node(1).service().clone();
    eventually(|| async {
        let health = service.health(false);
        health.node_status == "RecoveryInProgress (2)" && health.recovery.is_some()
    })
    .await;
    assert_eq!(cluster.attestations(2), 3);
    drop(service);
    cluster.stop(1).await;
    cluster.nodes[1].config.disk_reserve_bytes = 0;
    cluster.start_again(1).await;
    cluster.attested(2, 4).await;
    cluster.ends_well(&ALL, &blobs).await;
}

/// A disk is replaced by a copy of it that is two epochs old.
#[tokio::test]
async fn old_data_on_a_disk_becomes_new() {
    let mut cluster = Cluster::start(FOUR).await;
    let (kept, gone) = (TestBlob::numbered(1), TestBlob::numbered(2));
    for (blob, end) in [(&kept, 10), (&gone, 2)] {
        cluster.chain.register(blob.id(), blob.tag(), end);
        cluster.upload_to_all(blob).await;
        let event = certified(blob.id(), blob.tag(), end, Persistence::Permanent);
        cluster.chain.emit(vec![event]);
    }
    cluster.attested(1, 4).await;
    cluster.stop(2).await;
    let storage = cluster.nodes[2].directory.path().join("storage");
    let copy = cluster.nodes[2].directory.path().join("copy");
    crate::damage::copy_folder(&storage, &copy);
    cluster.start_again(2).await;
    let new = TestBlob::numbered(3);
    cluster.store(&new).await;
    for epoch in [2, 3] {
        cluster.begin_epoch(epoch, FOUR);
        cluster.attested(epoch, 4).await;
    }
    cluster.stop(2).await;
    std::fs::remove_dir_all(&storage).unwrap();
    std::fs::rename(&copy, &storage).unwrap();
    cluster.start_again(2).await;
    cluster.ends_well(&ALL, &[kept, new]).await;
}

/// Very many uploads at once share little memory: each is stored, or refused in a way that says to
/// come again.
#[tokio::test]
async fn a_thousand_uploads_at_once_share_a_little_memory() {
    const MEMORY: usize = 64 << 10;
    const BLOBS: u32 = 125;
    let test = TestNode::start_with(|config| config.rest_server.max_upload_bytes = MEMORY).await;
    let blobs: Vec<_> = (0..BLOBS).map(TestBlob::numbered).collect();
    for blob in &blobs {
        test.chain.register(blob.id(), blob.tag(), 10);
    }
    test.caught_up().await;
    for blob in &blobs {
        assert_eq!(test.put_metadata(blob).await.status(), StatusCode::CREATED);
    }
    let uploads: Vec<_> = blobs
        .iter()
        .flat_map(|blob| owned_slivers().map(move |(shard, axis)| (blob, shard, axis)))
        .collect();
    assert_eq!(uploads.len(), 1_000);
    let put = async |(blob, shard, axis): (&TestBlob, u16, SliverType)| loop {
        let status = test.put_sliver(blob, shard, axis).await.status();
        if status == StatusCode::CREATED {
            return;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let mut done = 0;
    let mut uploading = stream::iter(uploads).map(put).buffer_unordered(1_000);
    while uploading.next().await.is_some() {
        done += 1;
        if done % 100 == 0 {
            let used = test.queue_size("upload_bytes").await;
            assert!(used <= u64::try_from(MEMORY).unwrap(), "{used} bytes");
        }
    }
    assert_eq!(done, 1_000);
    assert_eq!(OWNED.len() * 2 * blobs.len(), 1_000);
    for blob in &blobs {
        test.assert_serves(blob).await;
    }
}
