//! A chain whose events and committees a test writes.

use std::{collections::BTreeMap, sync::Arc};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream, stream::BoxStream};
use stdx::Mutex;
use tokio::sync::watch;
use walrus_contracts::events::{
    BlobCertified, BlobRegistered, EpochChangeDone, EpochChangeStart, EpochParametersSelected,
    InvalidBlobID,
};
use walrus_core::{
    BlobId, Epoch, EventId, ObjectId, bft,
    certificate::ProtocolCertificate,
    keys::{ProtocolKeyPair, ProtocolPublicKey},
    messages::{InvalidBlobId, ProtocolMessage},
};
use walrus_node::{
    chain::{
        Announcement, CertifiedEventBlob, ChainError, ChainView, CheckpointEvents, Committee,
        Committees, EpochInfo, EpochState, EventBlobAttestation, EventBlobsOnChain, Registration,
        WalrusEvent,
    },
    epoch::{EpochCall, Moment},
};

use super::{
    EPOCH_MS, MAX_EPOCHS_AHEAD, OWNED, committee, committee_with_key, n_shards, protocol_key,
};

/// A chain whose events and committees a test writes.
pub(crate) struct ScriptedChain {
    checkpoints: watch::Sender<Vec<CheckpointEvents>>,
    committees: Mutex<Committees>,
    pub(crate) registration: Mutex<Option<Registration>>,
    pub(crate) attested: watch::Sender<Vec<Epoch>>,
    /// Calls that moved the epoch on, in order.
    pub(crate) advanced: watch::Sender<Vec<(Epoch, EpochCall)>>,
    /// What the next calls are answered with instead of moving the epoch on.
    refusals: Mutex<Vec<ChainError>>,
    pub(crate) next_key: watch::Sender<Option<ProtocolPublicKey>>,
    /// What the node wants the chain to say about it.
    pub(crate) announced: watch::Sender<Option<Announcement>>,
    /// The clock of the chain.
    now_ms: Mutex<u64>,
    pub(crate) unavailable: watch::Sender<bool>,
    /// The contract of event blobs.
    pub(crate) event_blobs: Mutex<EventBlobContract>,
    /// The first checkpoint full nodes have.
    lowest: Mutex<u64>,
}

/// What the contract keeps of event blobs, and its rules.
#[derive(Default)]
pub(crate) struct EventBlobContract {
    /// Certified ones, in order.
    pub(crate) certified: Vec<CertifiedEventBlob>,
    /// Weights of those that are attested.
    weights: BTreeMap<(BlobId, u64), usize>,
    /// What every node attested last.
    attested: BTreeMap<ObjectId, (u64, Epoch)>,
}

impl EventBlobContract {
    /// Attestations count in their epoch only.
    pub(crate) fn forget_tally(&mut self) {
        self.weights.clear();
    }
}

impl ScriptedChain {
    /// A chain in epoch 1, which has just begun.
    pub(crate) fn new() -> Arc<Self> {
        let chain = Self::in_epoch(committee(1, OWNED));
        chain.emit(vec![EpochChangeStart { epoch: 1 }.into()]);
        chain
    }

    fn in_epoch(current: Committee) -> Arc<Self> {
        Arc::new(Self {
            checkpoints: watch::Sender::new(Vec::new()),
            committees: Mutex::new(Committees {
                epoch: current.epoch,
                n_shards: n_shards(),
                epoch_state: EpochState::ChangeSync { attested: 0 },
                current,
                previous: None,
                next: None,
            }),
            registration: Mutex::default(),
            attested: watch::Sender::new(Vec::new()),
            advanced: watch::Sender::new(Vec::new()),
            refusals: Mutex::default(),
            next_key: watch::Sender::new(None),
            announced: watch::Sender::new(None),
            now_ms: Mutex::new(0),
            unavailable: watch::Sender::new(false),
            event_blobs: Mutex::default(),
            lowest: Mutex::new(0),
        })
    }

    /// A chain in epoch 0.
    pub(crate) fn without_committee() -> Arc<Self> {
        let chain = Self::in_epoch(Committee {
            epoch: 0,
            n_shards: n_shards(),
            members: Vec::new(),
        });
        // Something to have caught up with.
        chain.emit(Vec::new());
        chain
    }

    /// Begins an epoch with any committee.
    pub(crate) fn begin_epoch_of(&self, committee: Committee) {
        let epoch = committee.epoch;
        {
            let mut committees = self.committees.lock();
            let before = std::mem::replace(&mut committees.current, committee);
            committees.previous = Some(before).filter(|before| !before.is_empty());
            committees.epoch = epoch;
        }
        self.emit(vec![EpochChangeStart { epoch }.into()]);
    }

    /// Adds a checkpoint with these events, and an empty one after it.
    pub(crate) fn emit(&self, events: Vec<WalrusEvent>) {
        self.checkpoints.send_modify(|checkpoints| {
            for events in [events, Vec::new()] {
                // The first checkpoint with events is not 0, as on real chains.
                let checkpoint = 100 + u64::try_from(checkpoints.len()).unwrap();
                let events = (0..)
                    .zip(events)
                    .map(|(position, event)| (event_id(checkpoint, position), event));
                checkpoints.push(CheckpointEvents {
                    checkpoint,
                    timestamp_ms: checkpoint,
                    events: events.collect(),
                });
            }
        });
    }

    pub(crate) fn register(&self, blob_id: BlobId, object: u8, end_epoch: Epoch) {
        self.emit(vec![registered(
            blob_id,
            object,
            end_epoch,
            Persistence::Permanent,
        )]);
    }

    pub(crate) fn begin_epoch(&self, epoch: Epoch, owned: &[u16]) {
        self.begin_epoch_with_key(epoch, owned, &protocol_key());
    }

    /// Begins an epoch whose committee knows the node under test by `key`.
    pub(crate) fn begin_epoch_with_key(&self, epoch: Epoch, owned: &[u16], key: &ProtocolKeyPair) {
        {
            let mut committees = self.committees.lock();
            committees.epoch = epoch;
            committees.previous = Some(committees.current.clone());
            committees.current = committee_with_key(epoch, owned, key);
        }
        self.emit(vec![EpochChangeStart { epoch }.into()]);
    }

    /// Completes the change into the present epoch at the time `since_ms`.
    pub(crate) fn complete_epoch_change(&self, since_ms: u64) {
        let epoch = {
            let mut committees = self.committees.lock();
            committees.epoch_state = EpochState::ChangeDone { since_ms };
            committees.epoch
        };
        *self.now_ms.lock() = since_ms;
        self.emit(vec![EpochChangeDone { epoch }.into()]);
    }

    pub(crate) fn set_clock(&self, now_ms: u64) {
        *self.now_ms.lock() = now_ms;
        // The node looks again when something happens; here nothing but time does.
        self.emit(vec![EpochParametersSelected { next_epoch: 0 }.into()]);
    }

    /// Refuses the next call that moves the epoch on.
    pub(crate) fn refuse(&self, error: ChainError) {
        self.refusals.lock().push(error);
    }

    /// Whether it did.
    pub(crate) fn has_refused(&self) -> bool {
        self.refusals.lock().is_empty()
    }

    fn answer<T>(&self, answer: impl FnOnce() -> T) -> BoxFuture<'_, Result<T, ChainError>>
    where
        T: Send + 'static,
    {
        let answer = if *self.unavailable.borrow() {
            Err(ChainError::Unavailable("switched off".into()))
        } else {
            Ok(answer())
        };
        async move { answer }.boxed()
    }

    /// All checkpoints so far.
    pub(crate) fn all_checkpoints(&self) -> Vec<CheckpointEvents> {
        self.checkpoints.borrow().clone()
    }

    /// Full nodes forget the checkpoints before this one.
    pub(crate) fn prune_before(&self, lowest: u64) {
        *self.lowest.lock() = lowest;
    }

    /// The chain as the node with this ID sees it.
    pub(crate) fn seen_by(self: &Arc<Self>, node_id: ObjectId) -> Arc<NodeChain> {
        Arc::new(NodeChain {
            chain: self.clone(),
            node_id,
        })
    }

    /// The last certified event blob.
    pub(crate) fn latest_event_blob(&self) -> Option<CertifiedEventBlob> {
        self.event_blobs.lock().certified.last().copied()
    }

    /// An attestation by the rules of the contract.
    fn attest_event_blob(
        &self,
        node_id: ObjectId,
        attestation: &EventBlobAttestation,
    ) -> Result<(), ChainError> {
        let refuse = |reason: &str| Err(ChainError::NothingToDo(reason.into()));
        let committee = self.committees.lock().current.clone();
        let Some((_, member)) = committee.member(node_id) else {
            return refuse("not a member");
        };
        let (epoch, checkpoint) = (attestation.epoch, attestation.last_checkpoint);
        if epoch != committee.epoch {
            return refuse("another epoch");
        }
        let mut contract = self.event_blobs.lock();
        let latest = contract.certified.last().map(|blob| blob.last_checkpoint);
        if let Some((before, before_epoch)) = contract.attested.get(&node_id).copied()
            && before_epoch == epoch
            && (checkpoint <= before || Some(before) > latest)
        {
            return refuse("attested before");
        }
        contract.attested.insert(node_id, (checkpoint, epoch));
        if latest >= Some(checkpoint) {
            return Ok(());
        }
        let blob_id = attestation.blob_id;
        let weight = contract.weights.entry((blob_id, checkpoint)).or_default();
        *weight += member.shards.len();
        if !bft::is_quorum(*weight, committee.n_shards) {
            return Ok(());
        }
        contract.weights.clear();
        contract.certified.push(CertifiedEventBlob {
            blob_id,
            last_checkpoint: checkpoint,
        });
        let object = u8::try_from(contract.certified.len()).unwrap() | 0x80;
        drop(contract);
        let end_epoch = epoch + MAX_EPOCHS_AHEAD;
        self.emit(vec![
            registered(blob_id, object, end_epoch, Persistence::Permanent),
            certified(blob_id, object, end_epoch, Persistence::Permanent),
        ]);
        Ok(())
    }

    pub(crate) fn last_checkpoint(&self) -> u64 {
        self.checkpoints.borrow().last().unwrap().checkpoint
    }
}

pub(crate) fn event_id(checkpoint: u64, event_seq: u64) -> EventId {
    let mut tx_digest = [0; 32];
    tx_digest[..8].copy_from_slice(&checkpoint.to_be_bytes());
    EventId {
        tx_digest,
        event_seq,
    }
}

pub(crate) fn object_id(object: u8) -> ObjectId {
    ObjectId([object; 32])
}

/// Whether the owner of a blob object may delete it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    Permanent,
    Deletable,
}

pub(crate) fn registered(
    blob_id: BlobId,
    object: u8,
    end_epoch: Epoch,
    persistence: Persistence,
) -> WalrusEvent {
    let event = BlobRegistered {
        blob_id,
        object_id: object_id(object),
        epoch: 1,
        end_epoch,
        deletable: persistence == Persistence::Deletable,
        size: 1,
        encoding_type: 1,
    };
    event.into()
}

pub(crate) fn certified(
    blob_id: BlobId,
    object: u8,
    end_epoch: Epoch,
    persistence: Persistence,
) -> WalrusEvent {
    let event = BlobCertified {
        blob_id,
        object_id: object_id(object),
        epoch: 1,
        end_epoch,
        deletable: persistence == Persistence::Deletable,
        is_extension: false,
    };
    event.into()
}

impl ChainView for ScriptedChain {
    fn committees(&self) -> BoxFuture<'_, Result<Committees, ChainError>> {
        self.answer(|| self.committees.lock().clone())
    }

    fn registration(&self) -> BoxFuture<'_, Result<Option<Registration>, ChainError>> {
        let answer = self.registration.lock().clone();
        async move { Ok(answer) }.boxed()
    }

    fn events(
        &self,
        after: Option<u64>,
    ) -> BoxStream<'static, Result<CheckpointEvents, ChainError>> {
        let lowest = *self.lowest.lock();
        if after.map_or(0, |after| after + 1) < lowest {
            let reason = format!("checkpoints before {lowest} are gone");
            return stream::iter([Err(ChainError::Pruned(reason))]).boxed();
        }
        let start = (self.checkpoints.subscribe(), after);
        stream::unfold(start, |(mut checkpoints, after)| async move {
            let next = checkpoints
                .wait_for(|all| all.last().map(|last| last.checkpoint) > after)
                .await
                .ok()?
                .iter()
                .find(|one| Some(one.checkpoint) > after)
                .cloned()?;
            let checkpoint = next.checkpoint;
            Some((Ok(next), (checkpoints, Some(checkpoint))))
        })
        .boxed()
    }

    fn epoch_sync_done(&self, epoch: Epoch) -> BoxFuture<'_, Result<(), ChainError>> {
        async move {
            self.attested.send_modify(|attested| attested.push(epoch));
            Ok(())
        }
        .boxed()
    }

    fn moment(&self) -> BoxFuture<'_, Result<Moment, ChainError>> {
        self.answer(|| {
            let committees = self.committees.lock();
            Moment {
                info: EpochInfo {
                    epoch: committees.epoch,
                    state: committees.epoch_state,
                    epoch_duration_ms: EPOCH_MS,
                    first_epoch_start_ms: 0,
                    n_shards: n_shards(),
                    max_epochs_ahead: MAX_EPOCHS_AHEAD,
                },
                now_ms: *self.now_ms.lock(),
                subsidies: None,
            }
        })
    }

    fn advance(&self, call: EpochCall) -> BoxFuture<'_, Result<(), ChainError>> {
        async move {
            if let Some(refusal) = self.refusals.lock().pop() {
                return Err(refusal);
            }
            let epoch = {
                let mut committees = self.committees.lock();
                let (EpochState::ChangeDone { since_ms }
                | EpochState::NextParamsSelected { since_ms }) = committees.epoch_state
                else {
                    return Err(ChainError::NothingToDo("the epoch changes".into()));
                };
                committees.epoch_state = match call {
                    EpochCall::EndVoting => EpochState::NextParamsSelected { since_ms },
                    _ => EpochState::ChangeSync { attested: 0 },
                };
                committees.epoch
            };
            if call == EpochCall::ChangeEpoch {
                self.begin_epoch(epoch + 1, OWNED);
            }
            self.advanced.send_modify(|calls| calls.push((epoch, call)));
            Ok(())
        }
        .boxed()
    }

    fn register_next_key<'a>(
        &'a self,
        key: &'a ProtocolKeyPair,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        self.next_key.send_replace(Some(key.public()));
        async { Ok(()) }.boxed()
    }

    fn invalidate_blob_id(
        &self,
        certificate: ProtocolCertificate,
    ) -> BoxFuture<'_, Result<(), ChainError>> {
        async move {
            let message =
                ProtocolMessage::<InvalidBlobId>::from_bytes(&certificate.serialized_message);
            let (committee, message) = (self.committees.lock().current.clone(), message.unwrap());
            let keys: Vec<_> = certificate
                .signers
                .iter()
                .map(|signer| committee.members[usize::from(*signer)].public_key)
                .collect();
            certificate.verify(&keys).unwrap();
            let weight = committee.weight(certificate.signers);
            assert!(bft::is_above_validity(weight, committee.n_shards));
            let (epoch, InvalidBlobId(blob_id)) = (message.epoch, message.body);
            self.emit(vec![InvalidBlobID { epoch, blob_id }.into()]);
            Ok(())
        }
        .boxed()
    }

    fn announce<'a>(
        &'a self,
        wanted: &'a Announcement,
    ) -> BoxFuture<'a, Result<Vec<&'static str>, ChainError>> {
        let mut changed = Vec::new();
        self.announced.send_modify(|announced| {
            if announced.as_ref() != Some(wanted) {
                changed.push("everything");
                *announced = Some(wanted.clone());
            }
        });
        async move { Ok(changed) }.boxed()
    }

    fn sui_balance_mist(&self) -> BoxFuture<'_, Result<Option<u64>, ChainError>> {
        self.answer(|| Some(3_000_000_000))
    }

    fn event_blobs(&self) -> BoxFuture<'_, Result<EventBlobsOnChain, ChainError>> {
        self.answer(EventBlobsOnChain::default)
    }

    fn certify_event_blob(&self, _: EventBlobAttestation) -> BoxFuture<'_, Result<(), ChainError>> {
        self.answer(|| ())
    }

    fn can_send(&self) -> bool {
        true
    }

    fn can_attest(&self) -> bool {
        true
    }
}

/// The chain, and which of its nodes looks at it.
pub(crate) struct NodeChain {
    chain: Arc<ScriptedChain>,
    node_id: ObjectId,
}

impl ChainView for NodeChain {
    fn committees(&self) -> BoxFuture<'_, Result<Committees, ChainError>> {
        self.chain.committees()
    }

    fn registration(&self) -> BoxFuture<'_, Result<Option<Registration>, ChainError>> {
        self.chain.registration()
    }

    fn events(
        &self,
        after: Option<u64>,
    ) -> BoxStream<'static, Result<CheckpointEvents, ChainError>> {
        self.chain.events(after)
    }

    fn epoch_sync_done(&self, epoch: Epoch) -> BoxFuture<'_, Result<(), ChainError>> {
        self.chain.epoch_sync_done(epoch)
    }

    fn moment(&self) -> BoxFuture<'_, Result<Moment, ChainError>> {
        self.chain.moment()
    }

    fn advance(&self, call: EpochCall) -> BoxFuture<'_, Result<(), ChainError>> {
        self.chain.advance(call)
    }

    fn register_next_key<'a>(
        &'a self,
        key: &'a ProtocolKeyPair,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        self.chain.register_next_key(key)
    }

    fn invalidate_blob_id(
        &self,
        certificate: ProtocolCertificate,
    ) -> BoxFuture<'_, Result<(), ChainError>> {
        self.chain.invalidate_blob_id(certificate)
    }

    fn event_blobs(&self) -> BoxFuture<'_, Result<EventBlobsOnChain, ChainError>> {
        let node_id = self.node_id;
        self.chain.answer(|| {
            let committee = self.chain.committees.lock().current.clone();
            let contract = self.chain.event_blobs.lock();
            EventBlobsOnChain {
                epoch: committee.epoch,
                latest: contract.certified.last().copied(),
                is_member: committee.member(node_id).is_some(),
                attested: contract.attested.get(&node_id).copied(),
                checkpoint: self.chain.last_checkpoint(),
            }
        })
    }

    fn certify_event_blob(
        &self,
        attestation: EventBlobAttestation,
    ) -> BoxFuture<'_, Result<(), ChainError>> {
        let attested = self.chain.attest_event_blob(self.node_id, &attestation);
        async move { attested }.boxed()
    }

    fn announce<'a>(
        &'a self,
        wanted: &'a Announcement,
    ) -> BoxFuture<'a, Result<Vec<&'static str>, ChainError>> {
        self.chain.announce(wanted)
    }

    fn sui_balance_mist(&self) -> BoxFuture<'_, Result<Option<u64>, ChainError>> {
        self.chain.sui_balance_mist()
    }

    fn can_send(&self) -> bool {
        self.chain.can_send()
    }

    fn can_attest(&self) -> bool {
        self.chain.can_attest()
    }
}
