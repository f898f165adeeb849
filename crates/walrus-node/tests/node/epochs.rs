//! Epochs that move by themselves, and a node that stays itself while its key changes.

use reqwest::StatusCode;
use serde_json::json;
use walrus_core::{SliverType, keys::ProtocolKeyPair, node_api::paths};
use walrus_node::{
    chain::{Announcement, ChainError, Registration},
    config::KeySource,
    epoch::{EpochCall, JITTER_MAX_MS},
};

use crate::harness::{
    EPOCH_MS, N_SHARDS, OWNED, Persistence, TestBlob, TestNode, assert_refused, certified, data,
    eventually, network_key, object_id, protocol_key,
};

/// More than any call is put off, in the epochs of these tests.
const JITTER_MS: u64 = EPOCH_MS / 10;

#[tokio::test]
async fn the_node_ends_the_voting_and_starts_the_next_epoch_when_it_is_time() {
    const { assert!(JITTER_MS <= JITTER_MAX_MS) };
    let test = TestNode::start().await;
    let mut advanced = test.chain.advanced.subscribe();
    let since_ms = 5_000_000;
    test.chain.complete_epoch_change(since_ms);
    test.caught_up().await;
    assert!(advanced.borrow().is_empty(), "too early");

    // Somebody else may be faster, and the chain may refuse; the node sees what is left to do.
    test.chain
        .refuse(ChainError::NothingToDo("done already".into()));
    test.chain.set_clock(since_ms + EPOCH_MS / 2 + JITTER_MS);
    eventually(|| async { test.chain.has_refused() }).await;
    test.chain.set_clock(since_ms + EPOCH_MS / 2 + JITTER_MS);
    let voting = (1, EpochCall::EndVoting);
    advanced.wait_for(|calls| *calls == [voting]).await.unwrap();

    test.chain.set_clock(since_ms + EPOCH_MS + JITTER_MS);
    let change = (1, EpochCall::ChangeEpoch);
    advanced
        .wait_for(|calls| *calls == [voting, change])
        .await
        .unwrap();
    let mut attested = test.chain.attested.subscribe();
    attested.wait_for(|epochs| *epochs == [1, 2]).await.unwrap();
}

#[tokio::test]
async fn a_node_that_restarts_makes_the_calls_that_are_due() {
    let mut test = TestNode::start().await;
    test.chain.complete_epoch_change(1_000);
    test.caught_up().await;
    test.stop().await;
    test.chain.set_clock(10 * EPOCH_MS);
    test.try_start().await.unwrap();
    let mut advanced = test.chain.advanced.subscribe();
    let both = [(1, EpochCall::EndVoting), (1, EpochCall::ChangeEpoch)];
    advanced.wait_for(|calls| *calls == both).await.unwrap();
}

#[tokio::test]
async fn three_empty_epochs_pass_and_a_node_that_was_away_for_more_comes_back() {
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 20).await;
    test.chain.emit(vec![certified(
        blob.id(),
        blob.tag(),
        20,
        Persistence::Permanent,
    )]);
    for epoch in 2..=4 {
        test.chain.begin_epoch(epoch, OWNED);
    }
    test.caught_up().await;
    let mut attested = test.chain.attested.subscribe();
    attested
        .wait_for(|epochs| epochs.last() == Some(&4))
        .await
        .unwrap();

    test.stop().await;
    let missed = TestBlob::new(2, 5_000);
    for epoch in 5..=8 {
        test.chain.begin_epoch(epoch, OWNED);
        if epoch == 6 {
            test.chain.register(missed.id(), missed.tag(), 20);
            test.chain.emit(vec![certified(
                missed.id(),
                missed.tag(),
                20,
                Persistence::Permanent,
            )]);
        }
    }
    test.try_start().await.unwrap();
    test.caught_up().await;
    test.assert_serves(&blob).await;
    // It knows what it lacks, says so, and does not attest before it has it.
    let health = data(test.get("/v1/health").await).await;
    assert_eq!(health["nodeStatus"], "RecoveryInProgress (8)");
    assert_eq!(
        health["shardSummary"]["ownedShardStatus"]["inRecovery"],
        OWNED.len()
    );
    assert_eq!(attested.borrow_and_update().last(), Some(&4));
    test.upload(&missed).await;
    attested
        .wait_for(|epochs| epochs.last() == Some(&8))
        .await
        .unwrap();
    let health = data(test.get("/v1/health").await).await;
    assert_eq!(health["nodeStatus"], "Active");
}

#[tokio::test]
async fn what_expires_leaves_status_and_disk() {
    let test = TestNode::start().await;
    let (short, long) = (TestBlob::new(1, 5_000), TestBlob::new(2, 5_000));
    test.store(&short, 2).await;
    test.store(&long, 9).await;
    test.chain.begin_epoch(2, OWNED);
    test.caught_up().await;
    let status = data(test.get(&paths::blob_status(&short.id())).await).await;
    assert_eq!(status, "nonexistent");
    eventually(|| async {
        let path = paths::metadata_status(&short.id());
        data(test.get(&path).await).await == "nonexistent"
    })
    .await;
    test.assert_holds_nothing(&short).await;
    test.assert_serves(&long).await;
}

#[tokio::test]
async fn the_chain_being_away_is_in_the_health_report_until_it_is_back() {
    let test = TestNode::start().await;
    let away = || async { data(test.get("/v1/health").await).await["chainUnavailable"].clone() };
    assert_eq!(away().await, json!(null));
    test.chain.unavailable.send_replace(true);
    test.chain.begin_epoch(2, OWNED);
    eventually(|| async { away().await.is_string() }).await;
    assert!(away().await.as_str().unwrap().ends_with("switched off"));
    test.chain.unavailable.send_replace(false);
    test.caught_up().await;
    eventually(|| async { away().await.is_null() }).await;
}

#[tokio::test]
async fn the_chain_is_told_what_the_configuration_says() {
    let mut test = TestNode::start().await;
    let mut announced = test.chain.announced.subscribe();
    let name = |wanted: &Option<Announcement>| wanted.as_ref().and_then(|w| w.name.clone());
    announced
        .wait_for(|wanted| name(wanted).as_deref() == Some("test-node"))
        .await
        .unwrap();
    test.config.name = "renamed".to_owned();
    test.restart().await;
    announced
        .wait_for(|wanted| name(wanted).as_deref() == Some("renamed"))
        .await
        .unwrap();
    test.config.name = "not announced".to_owned();
    test.config.config_synchronizer.enabled = false;
    test.restart().await;
    assert_eq!(
        name(&announced.borrow_and_update()).as_deref(),
        Some("renamed")
    );
}

fn new_key() -> ProtocolKeyPair {
    ProtocolKeyPair::from_seed([8; 32])
}

fn inline(key: &ProtocolKeyPair) -> KeySource {
    KeySource::Inline(key.to_key_file())
}

/// What the chain has registered for the node whose member of the committee has the seed 1.
fn registration(present: &ProtocolKeyPair, next: Option<&ProtocolKeyPair>) -> Registration {
    Registration {
        node_id: object_id(1),
        public_key: present.public(),
        next_public_key: next.map(ProtocolKeyPair::public),
        network_public_key: network_key().public(),
    }
}

/// The public key that a confirmation is signed with.
async fn assert_signs_with(test: &TestNode, blob: &TestBlob, key: &ProtocolKeyPair) {
    let answer = test.get(&paths::permanent_confirmation(&blob.id())).await;
    let confirmation = data(answer).await;
    let signed: walrus_core::messages::StorageConfirmation =
        serde_json::from_value(confirmation).unwrap();
    let walrus_core::messages::StorageConfirmation::Signed(signed) = signed;
    let message = signed.serialized_message.clone();
    assert!(
        key.public().verify(&message, &signed.signature).is_ok(),
        "signed with another key"
    );
}

#[tokio::test]
async fn a_rotated_key_signs_from_its_committee_on_and_the_old_one_until_then() {
    let (old, new) = (protocol_key(), new_key());
    let mut test = TestNode::start_with(|config| {
        config.next_protocol_key_pair = Some(inline(&new));
    })
    .await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 20).await;
    test.chain
        .registration
        .lock()
        .replace(registration(&old, None));
    test.restart().await;
    let mut next_key = test.chain.next_key.subscribe();
    next_key
        .wait_for(|key| *key == Some(new.public()))
        .await
        .unwrap();
    assert_signs_with(&test, &blob, &old).await;

    test.chain.begin_epoch_with_key(2, OWNED, &new);
    test.caught_up().await;
    assert_signs_with(&test, &blob, &new).await;
    let health = data(test.get("/v1/health").await).await;
    assert_eq!(health["publicKey"], new.public().to_string());
    test.assert_serves(&blob).await;

    // The configuration may name either key as the present one now, and the other may be gone.
    *test.chain.registration.lock() = Some(registration(&new, None));
    test.restart().await;
    assert_signs_with(&test, &blob, &new).await;
    test.config.protocol_key_pair = inline(&new);
    test.config.next_protocol_key_pair = None;
    test.restart().await;
    assert_signs_with(&test, &blob, &new).await;
}

#[tokio::test]
async fn a_node_with_a_key_the_chain_does_not_know_keeps_its_shards_and_signs_nothing() {
    let mut test = TestNode::start().await;
    let blob = TestBlob::new(1, 5_000);
    test.store(&blob, 20).await;
    *test.chain.registration.lock() = Some(registration(&new_key(), None));
    for epoch in 2..=5 {
        test.chain.begin_epoch_with_key(epoch, OWNED, &new_key());
        test.caught_up().await;
    }
    test.restart().await;
    let health = data(test.get("/v1/health").await).await;
    assert_eq!(health["shardSummary"]["owned"], OWNED.len());
    test.assert_serves(&blob).await;
    let refused = test.get(&paths::permanent_confirmation(&blob.id())).await;
    assert_refused(refused, 503, "UNAVAILABLE", "UNAVAILABLE").await;
    // Slivers are still taken: the key may come back.
    let other = TestBlob::new(2, 5_000);
    test.chain.register(other.id(), other.tag(), 20);
    test.upload(&other).await;
    assert_eq!(
        test.get_sliver(&other, OWNED[0], SliverType::Primary)
            .await
            .status(),
        StatusCode::OK
    );
    assert!(OWNED.len() < usize::from(N_SHARDS));

    test.config.protocol_key_pair = inline(&new_key());
    test.restart().await;
    assert_signs_with(&test, &blob, &new_key()).await;
}
