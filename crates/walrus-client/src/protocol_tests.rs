//! The write and read protocols against nodes that work, fail and lie.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use ambient::memory::MemoryBound;
use proptest::prelude::*;
use walrus_core::{
    BlobId, BlobPersistence, ObjectId, ProtocolPublicKey, SliverType, node_api::BlobStatus,
};
use walrus_encoder::{ConsistencyCheck, Encoder};

use crate::{
    committee::CommitteeClients,
    config::CommunicationConfig,
    error::ReadError,
    node::NodeError,
    progress::{ProgressEvent, no_progress},
    read::read_blob,
    status::{StatusError, blob_status},
    store::{EncodedBlob, Upload, UploadError, Uploaded},
    test_network::{EPOCH, Fault, TestNetwork, quick_config, quorum},
};

/// Ten shards: f = 3, seven confirm, four slivers decode.
const WEIGHTS: [u16; 4] = [3, 3, 2, 2];
const OBJECT: ObjectId = ObjectId([9; 32]);
const DELETABLE: BlobPersistence = BlobPersistence::Deletable { object_id: OBJECT };

fn blob(length: usize) -> Vec<u8> {
    (0..length)
        .map(|i| u8::try_from(i * 7 % 251).unwrap())
        .collect()
}

fn encoder(network: &TestNetwork) -> Encoder {
    Encoder::new(network.n_shards()).unwrap()
}

fn upload(network: &TestNetwork, config: &CommunicationConfig, data: &[u8]) -> Upload {
    Upload {
        committee: network.clients(config),
        blob: Arc::new(EncodedBlob::encode(&encoder(network), data).unwrap()),
        persistence: DELETABLE,
        config: Arc::new(config.clone()),
        budget: MemoryBound::new(config.max_data_in_flight),
        position: 0,
        progress: no_progress(),
    }
}

async fn store(network: &TestNetwork, data: &[u8]) -> Result<Uploaded, UploadError> {
    upload(network, &quick_config(), data).run().await
}

async fn read(network: &TestNetwork, blob_id: BlobId) -> Result<Vec<u8>, ReadError> {
    let config = quick_config();
    read_from(
        &network.clients(&config),
        &encoder(network),
        blob_id,
        &config,
    )
    .await
}

async fn read_from(
    clients: &Arc<CommitteeClients>,
    encoder: &Encoder,
    blob_id: BlobId,
    config: &CommunicationConfig,
) -> Result<Vec<u8>, ReadError> {
    read_blob(
        clients,
        encoder,
        blob_id,
        ConsistencyCheck::Strict,
        config,
        &|_| {},
    )
    .await
}

/// Stores on all nodes, the slow ones included; returns the ID.
async fn stored(network: &TestNetwork, data: &[u8]) -> BlobId {
    let blob_id = *encoder(network).metadata(data).unwrap().blob_id();
    store(network, data).await.unwrap().tail.finish().await;
    blob_id
}

/// The certificate verifies against the keys of its signers, and they weigh a quorum.
fn assert_valid(network: &TestNetwork, uploaded: &Uploaded) {
    let certificate = &uploaded.certificate;
    let keys: Vec<ProtocolPublicKey> = certificate
        .signers
        .iter()
        .map(|signer| network.committee.members[usize::from(*signer)].public_key)
        .collect();
    assert_eq!(certificate.verify(&keys), Ok(()));
    let weight = network
        .committee
        .weight(certificate.signers.iter().copied());
    assert!(weight >= usize::from(quorum(network)), "{weight}");
}

#[tokio::test]
async fn what_is_stored_is_read_back() {
    let network = TestNetwork::start(&WEIGHTS).await;
    for length in [0, 1, 27, 28, 29, 10_000] {
        let data = blob(length);
        let uploaded = store(&network, &data).await.unwrap();
        assert_valid(&network, &uploaded);
        uploaded.tail.finish().await;
        let blob_id = *encoder(&network).metadata(&data).unwrap().blob_id();
        assert_eq!(read(&network, blob_id).await.unwrap(), data, "{length}");
    }
}

#[tokio::test]
async fn the_message_in_the_certificate_is_the_one_the_chain_expects() {
    let network = TestNetwork::start(&WEIGHTS).await;
    let data = blob(100);
    let uploaded = store(&network, &data).await.unwrap();
    let blob_id = encoder(&network).metadata(&data).unwrap().blob_id().0;
    let epoch = EPOCH.to_le_bytes();
    let expected = [&[1, 0, 3][..], &epoch, &blob_id, &[1], &OBJECT.0].concat();
    assert_eq!(uploaded.certificate.serialized_message, expected);
}

#[tokio::test]
async fn f_shards_may_be_down() {
    let mut network = TestNetwork::start(&WEIGHTS).await;
    let before = stored(&network, &blob(500)).await;
    network.stop(0).await;
    let uploaded = store(&network, &blob(501)).await.unwrap();
    assert_valid(&network, &uploaded);
    assert!(!uploaded.certificate.signers.contains(&0));
    assert_eq!(read(&network, before).await.unwrap(), blob(500));
}

#[tokio::test]
async fn too_many_shards_down_is_an_error_that_counts_them() {
    let mut network = TestNetwork::start(&WEIGHTS).await;
    let blob_id = stored(&network, &blob(500)).await;
    network.stop(0).await;
    network.stop(1).await;
    network.stop(2).await;
    let error = store(&network, &blob(501)).await.err().unwrap();
    assert_eq!(error.report.needed, 7);
    let text = error.to_string();
    assert!(
        text.contains("of 10 shards answered, 7 are needed"),
        "{text}"
    );
    assert!(text.contains("(3 shards): cannot connect"), "{text}");
    let error = read(&network, blob_id).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("2 of 10 shards answered, 4 are needed"),
        "{text}"
    );
}

#[tokio::test]
async fn failures_of_every_kind_are_tolerated_up_to_f() {
    for fault in [
        Fault::Broken,
        Fault::WrongEpoch,
        Fault::WrongKey,
        Fault::Forgetful,
        Fault::Corrupting,
        Fault::Late,
    ] {
        let network = TestNetwork::start(&WEIGHTS).await;
        network.nodes[1].set_fault(fault);
        let uploaded = store(&network, &blob(300)).await.unwrap();
        assert_valid(&network, &uploaded);
        uploaded.tail.finish().await;
        let blob_id = *encoder(&network).metadata(&blob(300)).unwrap().blob_id();
        assert_eq!(
            read(&network, blob_id).await.unwrap(),
            blob(300),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn confirmations_that_do_not_verify_count_for_nothing() {
    for (fault, reason) in [(Fault::WrongEpoch, "epoch"), (Fault::WrongKey, "signature")] {
        let network = TestNetwork::start(&WEIGHTS).await;
        network.nodes[0].set_fault(fault);
        network.nodes[1].set_fault(fault);
        let error = store(&network, &blob(300)).await.err().unwrap();
        assert!(error.report.answered <= 4);
        let text = error.to_string();
        assert!(
            text.contains("invalid answer: confirmation:") && text.contains(reason),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_node_that_sees_the_registration_late_still_confirms() {
    let network = TestNetwork::start(&WEIGHTS).await;
    for node in &network.nodes {
        node.set_fault(Fault::Late);
    }
    assert_valid(&network, &store(&network, &blob(300)).await.unwrap());
}

#[tokio::test]
async fn a_silent_node_does_not_hold_up_the_others() {
    let network = TestNetwork::start(&WEIGHTS).await;
    let blob_id = stored(&network, &blob(5000)).await;
    network.nodes[0].set_fault(Fault::Silent);
    let started = Instant::now();
    assert_eq!(read(&network, blob_id).await.unwrap(), blob(5000));
    let uploaded = store(&network, &blob(5001)).await.unwrap();
    uploaded.tail.finish().await;
    // Far below the time-outs of requests: hedging and quorums do not wait for the slowest.
    assert!(started.elapsed() < Duration::from_secs(12));
}

#[tokio::test]
async fn corruption_becomes_an_error_and_never_wrong_bytes() {
    let network = TestNetwork::start(&WEIGHTS).await;
    let blob_id = stored(&network, &blob(500)).await;
    for node in &network.nodes[..3] {
        node.set_fault(Fault::Corrupting);
    }
    let error = read(&network, blob_id).await.unwrap_err();
    assert!(
        matches!(error, ReadError::NotEnoughSlivers { ref report, .. } if report.answered == 2),
        "{error}"
    );
    for node in &network.nodes {
        node.set_fault(Fault::Corrupting);
    }
    let error = read(&network, blob_id).await.unwrap_err();
    assert!(matches!(error, ReadError::NoMetadata { .. }), "{error}");
}

#[tokio::test]
async fn nonexistence_and_blocking_are_told_apart() {
    let network = TestNetwork::start(&WEIGHTS).await;
    let unknown = BlobId([3; 32]);
    let error = read(&network, unknown).await.unwrap_err();
    assert_eq!(error.to_string(), format!("blob {unknown} does not exist"));
    for node in &network.nodes {
        node.set_fault(Fault::Forbidding);
    }
    assert!(matches!(
        read(&network, unknown).await,
        Err(ReadError::Forbidden(_))
    ));
}

#[tokio::test]
async fn f_forgetful_shards_do_not_make_a_blob_disappear() {
    let network = TestNetwork::start(&WEIGHTS).await;
    let blob_id = stored(&network, &blob(500)).await;
    network.nodes[0].set_fault(Fault::Forgetful);
    assert_eq!(read(&network, blob_id).await.unwrap(), blob(500));
}

#[tokio::test]
async fn status_needs_a_quorum_of_answers() {
    let mut network = TestNetwork::start(&WEIGHTS).await;
    let config = quick_config();
    let blob_id = stored(&network, &blob(500)).await;
    let ask = |network: &TestNetwork, blob_id: BlobId| {
        let clients = network.clients(&config);
        let config = config.clone();
        async move { blob_status(&clients, &blob_id, &config, Duration::from_secs(5)).await }
    };
    assert!(matches!(
        ask(&network, blob_id).await,
        Ok(BlobStatus::Deletable { .. })
    ));
    assert_eq!(
        ask(&network, BlobId([3; 32])).await,
        Ok(BlobStatus::Nonexistent)
    );
    network.nodes[0].set_fault(Fault::Forgetful);
    assert!(matches!(
        ask(&network, blob_id).await,
        Ok(BlobStatus::Deletable { .. })
    ));
    network.stop(1).await;
    network.stop(2).await;
    let error = ask(&network, blob_id).await.unwrap_err();
    assert!(
        matches!(error, StatusError::NotEnoughAnswers(ref report) if report.answered == 5),
        "{error}"
    );
}

#[tokio::test]
async fn an_interrupted_upload_does_not_send_slivers_again() {
    let network = TestNetwork::start(&WEIGHTS).await;
    // Slivers above the threshold below which asking costs more than sending.
    let data = blob(100_000);
    stored(&network, &data).await;
    let sent = |network: &TestNetwork| -> usize {
        network
            .nodes
            .iter()
            .map(|node| node.stored().sliver_puts)
            .sum()
    };
    assert_eq!(sent(&network), 20);
    stored(&network, &data).await;
    assert_eq!(sent(&network), 20);
}

#[tokio::test]
async fn every_node_gets_its_own_slivers_and_no_others() {
    let network = TestNetwork::start(&[4, 1, 1, 1]).await;
    let blob_id = stored(&network, &blob(1000)).await;
    for node in &network.nodes {
        let stored = node.stored();
        assert_eq!(stored.slivers.len(), 2 * node.shards.len());
        for shard in &node.shards {
            let pair = shard.to_pair(&blob_id, network.n_shards()).0;
            assert!(
                stored
                    .slivers
                    .contains_key(&(blob_id, pair, SliverType::Primary))
            );
        }
    }
}

#[tokio::test]
async fn progress_reaches_the_quorum() {
    let network = TestNetwork::start(&WEIGHTS).await;
    let shards = Arc::new(AtomicU16::new(0));
    let seen = Arc::clone(&shards);
    let mut upload = upload(&network, &quick_config(), &blob(10));
    upload.progress = Arc::new(move |event| {
        if let ProgressEvent::Confirmed { shards, .. } = event {
            seen.fetch_max(shards, Ordering::Relaxed);
        }
    });
    upload.run().await.unwrap();
    assert!(shards.load(Ordering::Relaxed) >= quorum(&network));
}

#[tokio::test]
async fn a_tiny_budget_of_data_in_flight_is_slow_but_enough() {
    let network = TestNetwork::start(&WEIGHTS).await;
    let config = CommunicationConfig {
        max_data_in_flight: 1,
        ..quick_config()
    };
    let data = blob(50_000);
    upload(&network, &config, &data)
        .run()
        .await
        .unwrap()
        .tail
        .finish()
        .await;
    let blob_id = *encoder(&network).metadata(&data).unwrap().blob_id();
    let read = read_from(
        &network.clients(&config),
        &encoder(&network),
        blob_id,
        &config,
    )
    .await;
    assert_eq!(read.unwrap(), data);
}

#[tokio::test]
async fn unusable_registrations_of_nodes_count_as_failed_nodes() {
    let mut network = TestNetwork::start(&WEIGHTS).await;
    network.committee.members[2].network_address = "http://user@host/path".to_owned();
    let blob_id = stored(&network, &blob(500)).await;
    assert_eq!(read(&network, blob_id).await.unwrap(), blob(500));
    network.committee.members[0].network_address = "no address".to_owned();
    let error = store(&network, &blob(501)).await.err().unwrap();
    let misconfigured = |error: &NodeError| matches!(error, NodeError::Misconfigured(_));
    assert!(
        error
            .report
            .failures
            .iter()
            .any(|failure| misconfigured(&failure.error))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Whatever the distribution of shards and whichever nodes are down: below f+1 shards down,
    /// everything works.
    #[test]
    fn any_tolerated_outage_is_tolerated(
        weights in proptest::collection::vec(1u16..5, 4..8),
        down in proptest::collection::vec(any::<bool>(), 8),
        length in 0usize..3000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut network = TestNetwork::start(&weights).await;
            let data = blob(length);
            let blob_id = stored(&network, &data).await;
            let tolerated = network.n_shards().get() - quorum(&network);
            let mut lost = 0;
            for (index, weight) in weights.iter().enumerate() {
                if down[index] && lost + weight <= tolerated {
                    lost += weight;
                    network.stop(index).await;
                }
            }
            assert_eq!(read(&network, blob_id).await.unwrap(), data);
            let again = store(&network, &data).await.unwrap();
            assert_valid(&network, &again);
        });
    }
}
