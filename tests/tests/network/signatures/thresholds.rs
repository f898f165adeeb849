//! How many shards must have signed, counted in shards and not in nodes.

use walrus_core::messages::InvalidBlobId;
use walrus_tests::{
    chain::{BlobSpec, Walrus},
    keys::{admin, permanent},
};

use super::{assert_refused, submit, user};

/// Shards; what is a quorum of them; among how many is a correct one. `3q ≥ 2n + 1` and
/// `3c ≥ n + 1`, also where `n` is not one more than a multiple of 3.
const THRESHOLDS: [(u16, u16, u16); 6] = [
    (1, 1, 1),
    (4, 3, 2),
    (5, 4, 2),
    (6, 5, 3),
    (7, 5, 3),
    (9, 7, 4),
];

#[test]
fn certificates_need_exactly_their_threshold() {
    for (shards, quorum, one_correct) in THRESHOLDS {
        // One shard per node, so that every number of shards can sign.
        let mut walrus = Walrus::start(shards, u8::try_from(shards).unwrap());
        assert_eq!(walrus.n_members(), shards);
        let spec = BlobSpec::new(1, 100, false);
        let blob = walrus.register_blob(user(), &spec).unwrap();
        let body = permanent(spec.blob_id());
        let invalid = InvalidBlobId(spec.blob_id());
        if one_correct > 1 {
            let few = walrus.sign(0..one_correct - 1, invalid);
            let outcome = submit(&mut walrus, "invalidate_blob_id", &few);
            assert_refused(outcome, "bls_aggregate", 2, "below f + 1");
        }
        let enough = walrus.sign(shards - one_correct..shards, invalid);
        submit(&mut walrus, "invalidate_blob_id", &enough).unwrap();
        if quorum > 1 {
            let few = walrus.sign(0..quorum - 1, body.clone());
            let outcome = walrus.certify_blob(user(), blob, &few);
            assert_refused(outcome, "bls_aggregate", 2, "below a quorum");
        }
        let enough = walrus.sign(shards - quorum..shards, body);
        walrus.certify_blob(user(), blob, &enough).unwrap();
    }
}

#[test]
fn a_node_counts_as_many_times_as_it_has_shards() {
    // One node with 7 of 10 shards, and three with one each.
    let mut walrus = Walrus::deploy(10);
    walrus.send_wal(admin().address(), user(), 1_000_000_000_000);
    for (key, stake) in [(0, 7), (1, 1), (2, 1), (3, 1)] {
        let node = walrus.register(key).unwrap();
        walrus
            .stake(admin().address(), node.id, stake * 1_000_000_000_000)
            .unwrap();
    }
    walrus.next_epoch();
    let weights: Vec<_> = walrus
        .system()
        .committee
        .members
        .iter()
        .map(|m| m.weight)
        .collect();
    // The limit of shards per node is half of them.
    assert_eq!(weights.iter().max(), Some(&5));
    let large = u16::try_from(weights.iter().position(|weight| *weight == 5).unwrap()).unwrap();
    let small = (0..4)
        .filter(|member| *member != large)
        .collect::<Vec<u16>>();

    let spec = BlobSpec::new(1, 100, false);
    let blob = walrus.register_blob(user(), &spec).unwrap();
    let body = permanent(spec.blob_id());
    let three_nodes = walrus.sign(small.iter().copied(), body.clone());
    let outcome = walrus.certify_blob(user(), blob, &three_nodes);
    assert_refused(outcome, "bls_aggregate", 2, "three nodes with 5 shards");
    let heavy = small
        .iter()
        .max_by_key(|member| weights[usize::from(**member)])
        .unwrap();
    let two_nodes = walrus.sign([large, *heavy], body);
    walrus.certify_blob(user(), blob, &two_nodes).unwrap();
}
