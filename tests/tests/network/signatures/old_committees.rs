//! A committee certifies in its own epoch only.

use walrus_tests::{
    chain::{BlobSpec, EPOCH_MS, Walrus},
    keys::{admin, permanent},
};

use super::{NODES, assert_refused, network, user};

/// Makes another node so large that the next committee differs.
fn change_committee(walrus: &mut Walrus) {
    let node = walrus.register(NODES).unwrap();
    walrus
        .stake(admin().address(), node.id, 5_000_000_000_000)
        .unwrap();
}

#[test]
fn the_committee_of_the_epoch_before_certifies_nothing() {
    let mut walrus = network();
    let spec = BlobSpec::new(1, 1000, false);
    let blob = walrus.register_blob(user(), &spec).unwrap();
    let body = permanent(spec.blob_id());
    change_committee(&mut walrus);
    let signed_in_time = walrus.certify(body.clone());
    let signed_ahead = walrus.sign_in(2, 0..u16::from(NODES), body.clone());
    walrus.next_epoch();
    assert_eq!(walrus.n_members(), u16::from(NODES) + 1);

    // The members are others, so that the old signers are not even a sum of their keys.
    for (what, certificate) in [("in time", &signed_in_time), ("ahead", &signed_ahead)] {
        let outcome = walrus.certify_blob(user(), blob, certificate);
        assert_refused(outcome, "bls_aggregate", 1, what);
    }
    let certificate = walrus.certify(body);
    walrus.certify_blob(user(), blob, &certificate).unwrap();
}

#[test]
fn the_next_committee_certifies_from_the_change_on() {
    let mut walrus = network();
    let spec = BlobSpec::new(1, 1000, false);
    let blob = walrus.register_blob(user(), &spec).unwrap();
    let body = permanent(spec.blob_id());
    walrus.chain.advance_clock(EPOCH_MS);
    walrus.voting_end().unwrap();
    // The same members, so that only the epoch in the message differs.
    let ahead = walrus.sign_in(2, 0..u16::from(NODES), body.clone());
    let outcome = walrus.certify_blob(user(), blob, &ahead);
    assert_refused(outcome, "messages", 1, "ahead");
    let now = walrus.certify(body);
    walrus.initiate_epoch_change().unwrap();
    // Nobody has attested yet, but the epoch is another one.
    assert_refused(
        walrus.certify_blob(user(), blob, &now),
        "messages",
        1,
        "behind",
    );
    walrus.certify_blob(user(), blob, &ahead).unwrap();
}
