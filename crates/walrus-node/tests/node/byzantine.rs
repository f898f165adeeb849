//! Nodes with as many shards as may lie, lying: every honest node gets to full health, and no wrong
//! byte is stored or served.

use walrus_core::{Epoch, SliverType};
use walrus_faults::{Lie, rot::flip_bits};

use crate::{
    cluster::{Assignment, Cluster},
    harness::TestBlob,
    healing::{FOUR, store_inconsistent},
};

/// The one that lies; three of ten shards are its, which is all that may.
const LIAR: usize = 0;
const HONEST: [usize; 3] = [1, 2, 3];

/// A shard of the liar has gone to another node.
const MOVED: Assignment<'_> = &[&[0, 1], &[3, 4, 5], &[6, 7], &[8, 9, 2]];

/// Small enough to be decoded as a whole, and large enough that single slivers are recovered.
const SIZES: [usize; 2] = [500, 1_500_000];

/// Chance decides who is asked; nobody is lucky that often.
const ATTEMPTS_MAX: u64 = 30;

/// While a node lies, another one takes a shard over from it, the slivers of a third one rot, and a
/// fourth one loses its disk.
async fn honest_nodes_live_with(lies: &[Lie]) {
    let mut cluster = Cluster::start_with_liar(FOUR, LIAR).await;
    let mut blobs = Vec::new();
    let mut epoch: Epoch = 1;
    for lie in lies {
        for size in SIZES {
            let seed = u8::try_from(blobs.len()).unwrap();
            let blob = TestBlob::new(seed, size);
            cluster.store(&blob).await;
            blobs.push(blob);
        }
        cluster.caught_up(1).await;
        let before = cluster.front(LIAR).lies_told();
        cluster.front(LIAR).tell(*lie);
        epoch += 1;
        cluster.begin_epoch(epoch, MOVED);
        cluster.attested(epoch, 4).await;
        cluster.ends_well(&HONEST, &blobs).await;
        for attempt in 0.. {
            assert!(attempt < ATTEMPTS_MAX, "{lie} is never told");
            let slivers = cluster.nodes[2].directory.path().join("storage/slivers");
            flip_bits(&slivers, 2, attempt).unwrap();
            cluster.heals(2, &blobs).await;
            cluster.stop(1).await;
            cluster.start_empty(1).await;
            cluster.ends_well(&HONEST, &blobs).await;
            if cluster.front(LIAR).lies_told() > before {
                break;
            }
        }
        // The shard goes back, so that the next lie has one to be about.
        cluster.front(LIAR).tell(Lie::Truth);
        epoch += 1;
        cluster.begin_epoch(epoch, FOUR);
        cluster.attested(epoch, 4).await;
    }
}

#[tokio::test]
async fn wrong_slivers_and_symbols() {
    honest_nodes_live_with(&[Lie::WrongSlivers, Lie::WrongSymbols, Lie::WrongProofs]).await;
}

#[tokio::test]
async fn wrong_metadata_garbage_and_another_answer_for_everybody() {
    honest_nodes_live_with(&[Lie::WrongMetadata, Lie::Garbage, Lie::Equivocation]).await;
}

#[tokio::test]
async fn silence_and_a_byte_now_and_then() {
    honest_nodes_live_with(&[Lie::Silence, Lie::Drip]).await;
}

#[tokio::test]
async fn wrong_attestations_do_not_keep_an_inconsistent_blob_alive() {
    let cluster = Cluster::start_with_liar(FOUR, LIAR).await;
    cluster.front(LIAR).tell(Lie::WrongSignatures);
    store_inconsistent(&cluster, &TestBlob::new(1, 5_000), SliverType::Secondary).await;
    cluster.ends_well(&HONEST, &[]).await;
}
