//! Events that the validators have signed, told by full nodes of which some lie.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use sui_crypto::bls12381::Bls12381PrivateKey;
use sui_localnet::{Localnet, LocalnetConfig};
use sui_rpc::proto::sui::rpc::v2::{
    self as proto, QueryEndReason,
    get_checkpoint_request::CheckpointId,
    ledger_service_server::{LedgerService, LedgerServiceServer},
    subscription_service_server::{SubscriptionService, SubscriptionServiceServer},
};
use sui_sdk_types::{
    Address, Bitmap, CheckpointContents, CheckpointSummary, CheckpointTransactionInfo, Digest,
    EndOfEpochData, Event, ExecutionStatus, GasCostSummary, Identifier, TransactionEffects,
    TransactionEffectsV2, TransactionEvents, ValidatorAggregatedSignature, ValidatorCommittee,
    ValidatorCommitteeMember,
};
use tonic::{Request, Response, Status, codegen::BoxStream};
use walrus_core::{ObjectId, SuiAddress};
use walrus_sui::{
    EventStream, SuiError, SuiRpc,
    checkpoints::{Trust, Validators},
};

use crate::listing::{end_of_list, first_listed, listed};

const PACKAGE: ObjectId = ObjectId([0xab; 32]);
/// Checkpoints of a Sui epoch.
const EPOCH_LENGTH: u64 = 5;
/// The last checkpoint there is.
const TIP: u64 = 40;
/// The checkpoint that full nodes lie about.
const LIED_ABOUT: u64 = 7;

type Lie = fn(&mut proto::Checkpoint);

/// Serves the checkpoints up to [`TIP`] of the chain whose validators have keys from `keys` on.
#[derive(Clone, Copy)]
struct FullNode {
    keys: u8,
    lie: Option<Lie>,
}

impl FullNode {
    fn tell(self, number: u64) -> proto::Checkpoint {
        let mut checkpoint = checkpoint(self.keys, number);
        if let Some(lie) = self.lie.filter(|_| number == LIED_ABOUT) {
            lie(&mut checkpoint);
        }
        checkpoint
    }

    /// Serves it; returns its URL.
    async fn serve(self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let node = Arc::new(self);
        let routes = tonic::transport::Server::builder()
            .add_service(LedgerServiceServer::from_arc(Arc::clone(&node)))
            .add_service(SubscriptionServiceServer::from_arc(node));
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        tokio::spawn(routes.serve_with_incoming(incoming));
        url
    }
}

fn key(keys: u8, epoch: u64) -> Bls12381PrivateKey {
    Bls12381PrivateKey::new([keys + u8::try_from(epoch).unwrap(); 32]).unwrap()
}

fn members(keys: u8, epoch: u64) -> Vec<ValidatorCommitteeMember> {
    vec![ValidatorCommitteeMember {
        public_key: key(keys, epoch).public_key(),
        stake: 10_000,
    }]
}

fn events(number: u64) -> TransactionEvents {
    let epoch = u32::try_from(number).unwrap();
    TransactionEvents(vec![Event {
        package_id: Address::new(PACKAGE.0),
        module: Identifier::new("events").unwrap(),
        sender: Address::ZERO,
        type_: format!("{PACKAGE}::events::EpochChangeDone")
            .parse()
            .unwrap(),
        contents: epoch.to_le_bytes().to_vec(),
    }])
}

fn effects(number: u64, events: Option<Digest>) -> TransactionEffects {
    TransactionEffects::V2(Box::new(TransactionEffectsV2 {
        status: ExecutionStatus::Success,
        epoch: number / EPOCH_LENGTH,
        gas_used: GasCostSummary::new(1, 2, 3, 4),
        transaction_digest: Digest::new([u8::try_from(number).unwrap(); 32]),
        gas_object_index: None,
        events_digest: events,
        dependencies: Vec::new(),
        lamport_version: 1,
        changed_objects: Vec::new(),
        unchanged_consensus_objects: Vec::new(),
        auxiliary_data_digest: None,
    }))
}

fn bcs<T: serde::Serialize>(value: &T) -> proto::Bcs {
    proto::Bcs::from(bcs::to_bytes(value).unwrap())
}

/// The transactions of a checkpoint: one with an event that names it, one without events.
fn effects_of(number: u64) -> [TransactionEffects; 2] {
    let with = effects(number, Some(events(number).digest()));
    [with, effects(number + 100, None)]
}

fn contents(number: u64) -> CheckpointContents {
    let infos = effects_of(number).map(|effects| {
        let transaction = *effects.transaction_digest();
        CheckpointTransactionInfo::new(transaction, effects.digest(), Vec::new())
    });
    CheckpointContents::new_v1(infos.to_vec())
}

fn summary(keys: u8, number: u64) -> CheckpointSummary {
    let epoch = number / EPOCH_LENGTH;
    let is_last = number % EPOCH_LENGTH == EPOCH_LENGTH - 1;
    CheckpointSummary {
        epoch,
        sequence_number: number,
        network_total_transactions: number,
        content_digest: contents(number).digest(),
        previous_digest: None,
        epoch_rolling_gas_cost_summary: GasCostSummary::new(1, 2, 3, 4),
        timestamp_ms: number * 1000,
        checkpoint_commitments: Vec::new(),
        end_of_epoch_data: is_last.then(|| EndOfEpochData {
            next_epoch_committee: members(keys, epoch + 1),
            next_epoch_protocol_version: 1,
            epoch_commitments: Vec::new(),
        }),
        version_specific_data: Vec::new(),
    }
}

fn checkpoint(keys: u8, number: u64) -> proto::Checkpoint {
    let summary = summary(keys, number);
    let [first, second] = effects_of(number).map(|effects| {
        proto::ExecutedTransaction::default()
            .with_effects(proto::TransactionEffects::default().with_bcs(bcs(&effects)))
    });
    let events = proto::TransactionEvents::default().with_bcs(bcs(&events(number)));
    let mut bitmap = Bitmap::new();
    bitmap.insert(0);
    let signed = key(keys, summary.epoch).sign_checkpoint_summary(&summary);
    let signature = ValidatorAggregatedSignature {
        epoch: summary.epoch,
        signature: signed.signature,
        bitmap,
    };
    proto::Checkpoint::default()
        .with_sequence_number(number)
        .with_summary(proto::CheckpointSummary::default().with_bcs(bcs(&summary)))
        .with_signature(proto::ValidatorAggregatedSignature::from(signature))
        .with_contents(proto::CheckpointContents::default().with_bcs(bcs(&contents(number))))
        .with_transactions(vec![first.with_events(events), second])
}

#[tonic::async_trait]
impl LedgerService for FullNode {
    async fn get_service_info(
        &self,
        _: Request<proto::GetServiceInfoRequest>,
    ) -> Result<Response<proto::GetServiceInfoResponse>, Status> {
        let info = proto::GetServiceInfoResponse::default()
            .with_checkpoint_height(TIP)
            .with_lowest_available_checkpoint(0u64);
        Ok(Response::new(info))
    }

    async fn get_epoch(
        &self,
        request: Request<proto::GetEpochRequest>,
    ) -> Result<Response<proto::GetEpochResponse>, Status> {
        let number = request.into_inner().epoch.unwrap_or(TIP / EPOCH_LENGTH);
        if number > TIP / EPOCH_LENGTH {
            return Err(Status::not_found("no such epoch"));
        }
        let mut epoch = proto::Epoch::default();
        epoch.epoch = Some(number);
        epoch.last_checkpoint = Some((number + 1) * EPOCH_LENGTH - 1).filter(|last| *last <= TIP);
        let members = members(self.keys, number);
        epoch.committee = Some(
            ValidatorCommittee {
                epoch: number,
                members,
            }
            .into(),
        );
        Ok(Response::new(proto::GetEpochResponse::new(epoch)))
    }

    async fn get_checkpoint(
        &self,
        request: Request<proto::GetCheckpointRequest>,
    ) -> Result<Response<proto::GetCheckpointResponse>, Status> {
        let number = match request.into_inner().checkpoint_id {
            Some(CheckpointId::SequenceNumber(number)) => number,
            Some(CheckpointId::Digest(digest)) => (0..=TIP)
                .find(|number| summary(self.keys, *number).digest().to_string() == digest)
                .ok_or_else(|| Status::not_found("no such checkpoint"))?,
            _ => TIP,
        };
        let checkpoint = self.tell(number);
        Ok(Response::new(
            proto::GetCheckpointResponse::default().with_checkpoint(checkpoint),
        ))
    }

    async fn list_checkpoints(
        &self,
        request: Request<proto::ListCheckpointsRequest>,
    ) -> Result<Response<BoxStream<proto::ListCheckpointsResponse>>, Status> {
        let request = request.into_inner();
        let start = first_listed(&request);
        let last = request.end_checkpoint.map_or(TIP, |end| TIP.min(end - 1));
        let node = *self;
        let frames = (start..=last).map(move |number| listed(number, node.tell(number)));
        let frames = frames.chain([end_of_list(last, QueryEndReason::LedgerTip)]);
        let frames: Vec<_> = frames.map(Ok).collect();
        Ok(Response::new(stream::iter(frames).boxed()))
    }
}

#[tonic::async_trait]
impl SubscriptionService for FullNode {
    /// The chain stands still.
    async fn subscribe_checkpoints(
        &self,
        _: Request<proto::SubscribeCheckpointsRequest>,
    ) -> Result<Response<BoxStream<proto::SubscribeCheckpointsResponse>>, Status> {
        let mut frame = proto::SubscribeCheckpointsResponse::default();
        frame.cursor = Some(TIP);
        frame.checkpoint = Some(self.tell(TIP));
        let frames = stream::iter([Ok(frame)]).chain(stream::pending());
        Ok(Response::new(frames.boxed()))
    }
}

const HONEST: FullNode = FullNode { keys: 1, lie: None };
const STRANGER: FullNode = FullNode {
    keys: 101,
    lie: None,
};

const LIES: [(&str, Lie); 10] = [
    ("left out events", |told| told.transactions[0].events = None),
    ("the events of", |told| {
        let mut more = events(LIED_ABOUT);
        more.0.push(more.0[0].clone());
        set_events(told, &more);
    }),
    ("the events of", |told| {
        set_events(told, &events(LIED_ABOUT + 1));
    }),
    ("the events of", |told| {
        set_events(told, &TransactionEvents(Vec::new()));
    }),
    ("the effects of", |told| told.transactions.swap(0, 1)),
    ("came with 1 transactions", |told| {
        drop(told.transactions.pop());
    }),
    ("its contents", |told| {
        let infos = contents(LIED_ABOUT).transactions()[..1].to_vec();
        let short = CheckpointContents::new_v1(infos);
        told.contents = Some(proto::CheckpointContents::default().with_bcs(bcs(&short)));
        told.transactions.pop();
    }),
    ("have not signed", |told| {
        let mut summary = summary(HONEST.keys, LIED_ABOUT);
        summary.timestamp_ms += 1;
        told.summary = Some(proto::CheckpointSummary::default().with_bcs(bcs(&summary)));
    }),
    ("have not signed", |told| {
        told.signature = checkpoint(STRANGER.keys, LIED_ABOUT).signature;
    }),
    ("instead of", |told| {
        let other = checkpoint(HONEST.keys, LIED_ABOUT + 1);
        *told = other.with_sequence_number(LIED_ABOUT);
    }),
];

fn set_events(told: &mut proto::Checkpoint, events: &TransactionEvents) {
    let events = proto::TransactionEvents::default().with_bcs(bcs(events));
    told.transactions[0].events = Some(events);
}

fn stream_of(urls: &[&str], after: u64, trust: Trust) -> (EventStream, Validators) {
    let validators = Validators::new(trust);
    let rpc = SuiRpc::new(urls).unwrap();
    let events = EventStream::new(rpc, PACKAGE, after).proven_by(validators.clone());
    (events, validators)
}

/// Reads the checkpoints up to `last`, which are what the chain has.
async fn assert_reads(events: &mut EventStream, last: u64) {
    for number in events.cursor() + 1..=last {
        let next = events.next().await.unwrap();
        assert_eq!(
            (next.checkpoint, next.timestamp_ms),
            (number, number * 1000)
        );
        let [(id, event)] = &next.events[..] else {
            panic!("{:?}", next.events);
        };
        assert_eq!(id.tx_digest, [u8::try_from(number).unwrap(); 32]);
        let epoch = u32::try_from(number).unwrap();
        assert_eq!(
            *event,
            walrus_contracts::events::EpochChangeDone { epoch }.into()
        );
    }
}

#[tokio::test]
async fn a_full_node_that_lies_is_left_for_an_honest_one() {
    let honest = HONEST.serve().await;
    for (what, lie) in LIES {
        let lie = Some(lie);
        let liar = FullNode { lie, ..HONEST }.serve().await;
        let (mut alone, validators) = stream_of(&[&liar], 3, Trust::default());
        assert_reads(&mut alone, LIED_ABOUT - 1).await;
        for times in 1..3 {
            let error = alone.next().await.unwrap_err();
            let SuiError::Unproven { url, reason, .. } = &error else {
                panic!("{what}: {error}");
            };
            assert!(*url == liar && reason.contains(what), "{what}: {error}");
            assert_eq!(
                (alone.cursor(), validators.refused()),
                (LIED_ABOUT - 1, times)
            );
        }
        let (mut both, validators) = stream_of(&[&liar, &honest], 3, Trust::default());
        assert_reads(&mut both, LIED_ABOUT + EPOCH_LENGTH).await;
        assert_eq!(validators.refused(), 1, "{what}");
    }
}

#[tokio::test]
async fn whose_validators_are_known_stays_known() {
    let folder = tempfile::tempdir().unwrap();
    let trust = Trust {
        trusted_checkpoint: None,
        file: Some(folder.path().join("validators.json")),
    };
    let (honest, stranger) = (HONEST.serve().await, STRANGER.serve().await);
    let (mut events, _) = stream_of(&[&honest], 2, trust.clone());
    assert_reads(&mut events, 6).await;

    // Another process, another chain: its validators were not named by ours.
    let (mut events, _) = stream_of(&[&stranger], 6, trust.clone());
    let error = events.next().await.unwrap_err();
    assert!(matches!(error, SuiError::Unproven { .. }), "{error}");
    // Killed before it wrote down how far it had come: the epoch before is still known.
    let (mut events, _) = stream_of(&[&honest], 3, trust.clone());
    assert_reads(&mut events, 6).await;
    // Away for several epochs: their ends lead on.
    let (mut events, _) = stream_of(&[&stranger], 26, trust.clone());
    events.next().await.unwrap_err();
    let (mut events, _) = stream_of(&[&honest], 26, trust.clone());
    assert_reads(&mut events, 32).await;
    // What is before the known epochs cannot be proven any more.
    let (mut events, _) = stream_of(&[&honest], 6, trust);
    let error = events.next().await.unwrap_err();
    assert!(matches!(error, SuiError::Validators(_)), "{error}");
}

#[tokio::test]
async fn trust_begins_with_all_full_nodes_or_with_a_checkpoint() {
    let (honest, stranger) = (HONEST.serve().await, STRANGER.serve().await);
    let (mut events, _) = stream_of(&[&stranger, &honest], 6, Trust::default());
    let error = events.next().await.unwrap_err().to_string();
    assert!(
        error.contains(&honest) && error.contains(&stranger),
        "{error}"
    );

    let from = |number: u64| Trust {
        trusted_checkpoint: Some(summary(HONEST.keys, number).digest()),
        file: None,
    };
    // The last checkpoint of epoch 0.
    let (mut events, _) = stream_of(&[&honest], 16, from(4));
    assert_reads(&mut events, 20).await;
    let (mut events, _) = stream_of(&[&stranger], 16, from(4));
    events.next().await.unwrap_err();
    let (mut events, _) = stream_of(&[&honest], 16, from(5));
    let error = events.next().await.unwrap_err().to_string();
    assert!(error.contains("not the last one of an epoch"), "{error}");
    let (mut events, _) = stream_of(&[&honest], 6, from(14));
    let error = events.next().await.unwrap_err().to_string();
    assert!(
        error.contains("the first epoch with known ones is 3"),
        "{error}"
    );
}

#[tokio::test]
async fn our_chain_proves_its_checkpoints() {
    let config = LocalnetConfig {
        heartbeat: Some(Duration::from_millis(20)),
        ..LocalnetConfig::default()
    };
    let chain = Localnet::start(config).await.unwrap();
    let rpc = SuiRpc::new([chain.rpc_url()]).unwrap();
    let faucet = chain.faucet_url().unwrap();
    for byte in 1..4 {
        let account = SuiAddress([byte; 32]);
        walrus_sui::faucet::request(&faucet, account).await.unwrap();
    }
    let last = rpc.latest_checkpoint().await.unwrap() + 10;
    let validators = Validators::new(Trust::default());
    let mut events = EventStream::new(rpc, PACKAGE, 0).proven_by(validators.clone());
    for number in 1..=last {
        assert_eq!(events.next().await.unwrap().checkpoint, number);
    }
    assert_eq!(validators.refused(), 0);
}
