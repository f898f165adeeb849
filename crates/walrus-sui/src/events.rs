//! Events of the Walrus contracts, checkpoint by checkpoint, without gaps.

use std::time::Duration;

use futures::{Stream, StreamExt as _, stream::BoxStream};
use sui_rpc::{
    client::{
        CheckpointStreamFrame, CheckpointStreamRequest, CheckpointStreamStart, LedgerStreamConfig,
    },
    field::{FieldMask, FieldMaskUtil as _},
    proto::{proto_to_timestamp_ms, sui::rpc::v2 as proto},
};
use sui_sdk_types::{Address, Digest, StructTag};
use walrus_contracts::events::{EventError, WalrusEvent};
use walrus_core::{EventId, ObjectId};

use crate::{
    checkpoints::{self, Proven, Validators},
    error::{SuiError, is_transient},
    ids::object_address,
    rpc::{SuiRpc, backoff, raw_event},
};

const MASK: &str = "sequence_number,summary.timestamp,transactions.digest,\
                    transactions.events.events.event_type,transactions.events.events.contents";
const RETRY_DELAY_MIN: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(3);

/// All Walrus events of one checkpoint, possibly none.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointEvents {
    /// Sequence number of the checkpoint.
    pub checkpoint: u64,
    /// When it was made, in ms since 1970.
    pub timestamp_ms: u64,
    /// Its Walrus events in order. The sequence number in an ID counts the Walrus events of the
    /// transaction.
    pub events: Vec<(EventId, WalrusEvent)>,
}

/// Follows the chain from a checkpoint on, forever.
///
/// Persist the number of a checkpoint after its events are processed, and resume with it: every
/// checkpoint is delivered, in order, exactly once per stream. Interruptions are bridged inside; a
/// full node that is away is waited for.
pub struct EventStream {
    rpc: SuiRpc,
    package: Address,
    /// The last checkpoint that was delivered.
    cursor: u64,
    /// Who proves the checkpoints; without them full nodes are believed.
    validators: Option<Validators>,
    frames: Option<Frames>,
    /// The full node whose frames these are.
    url: String,
    failures: u32,
    /// How many full nodes in a row have not proven the next checkpoint.
    unproven: usize,
}

type Frames = BoxStream<'static, Result<CheckpointStreamFrame, tonic::Status>>;

impl EventStream {
    /// Events of the checkpoints after `cursor`, of types defined in `original_package`.
    pub fn new(rpc: SuiRpc, original_package: ObjectId, cursor: u64) -> Self {
        Self {
            rpc,
            package: object_address(original_package),
            cursor,
            validators: None,
            frames: None,
            url: String::new(),
            failures: 0,
            unproven: 0,
        }
    }

    /// The same, but only with what the validators have signed.
    #[must_use]
    pub fn proven_by(self, validators: Validators) -> Self {
        Self {
            validators: Some(validators),
            ..self
        }
    }

    /// The last checkpoint that was delivered (or the one the stream was opened with).
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Waits for the next checkpoint.
    ///
    /// Fails only for reasons that waiting does not cure: no full node has the checkpoints we need
    /// any more or proves them, it is of another chain than before, or sends what cannot be
    /// understood. Calling again tries again. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<CheckpointEvents, SuiError> {
        loop {
            let Some(checkpoint) = self.next_checkpoint().await? else {
                continue;
            };
            let Some(events) = self.read(&checkpoint).await? else {
                continue;
            };
            self.cursor = events.checkpoint;
            self.failures = 0;
            self.unproven = 0;
            return Ok(events);
        }
    }

    /// The events of the next checkpoint, or `None` if another full node has to prove them.
    async fn read(
        &mut self,
        checkpoint: &proto::Checkpoint,
    ) -> Result<Option<CheckpointEvents>, SuiError> {
        let Some(validators) = &self.validators else {
            return checkpoint_events(checkpoint, self.package).map(Some);
        };
        let expected = self.cursor + 1;
        let proven = validators.prove(&self.rpc, &self.url, expected, checkpoint);
        match proven.await {
            Ok(proven) => proven_events(&proven, self.package).map(Some),
            Err(error) => {
                tracing::warn!(url = self.url, %error, "turning to the next full node");
                self.frames = None;
                if self.rpc.active_url() == self.url {
                    self.rpc.rotate();
                }
                self.unproven += 1;
                if self.unproven < self.rpc.urls().count() {
                    return Ok(None);
                }
                self.unproven = 0;
                Err(error)
            }
        }
    }

    /// The next checkpoint, or `None` if the connection has to be made anew.
    async fn next_checkpoint(&mut self) -> Result<Option<proto::Checkpoint>, SuiError> {
        let expected = self.cursor + 1;
        let frames = match &mut self.frames {
            Some(frames) => frames,
            none => {
                check_history(&self.rpc, self.cursor).await?;
                self.url = self.rpc.active_url();
                let mask = match &self.validators {
                    Some(_) => checkpoints::MASK,
                    None => MASK,
                };
                none.insert(open(&self.rpc, expected, mask))
            }
        };
        while let Some(frame) = frames.next().await {
            match frame {
                Ok(CheckpointStreamFrame {
                    checkpoint: Some(checkpoint),
                    ..
                }) if checkpoint.sequence_number() == expected => return Ok(Some(checkpoint)),
                // Repetitions are harmless, gaps are not.
                Ok(frame) if frame.cursor < expected => {}
                Ok(frame) => {
                    tracing::warn!(
                        expected,
                        got = frame.cursor,
                        "gap in the checkpoints, reading again"
                    );
                    break;
                }
                Err(status) if is_transient(&status) => {
                    tracing::debug!(%status, "checkpoint stream interrupted");
                    break;
                }
                Err(status) => {
                    self.frames = None;
                    return Err(self.rpc.failed("StreamCheckpoints", status));
                }
            }
        }
        self.frames = None;
        self.failures += 1;
        self.rpc.rotate();
        tokio::time::sleep(backoff(self.failures)).await;
        Ok(None)
    }

    /// The same as a [`Stream`].
    pub fn into_stream(self) -> impl Stream<Item = Result<CheckpointEvents, SuiError>> {
        futures::stream::unfold(self, |mut events| async move {
            Some((events.next().await, events))
        })
    }
}

/// Checks that the full node has what comes after `cursor`, or one of the others does.
///
/// A chain that is behind our cursor was reset: waiting for it to catch up would skip its events.
async fn check_history(rpc: &SuiRpc, cursor: u64) -> Result<(), SuiError> {
    let needed = cursor.saturating_add(1);
    let mut others = rpc.urls().count().saturating_sub(1);
    loop {
        match rpc.available_checkpoints().await {
            Ok(available) if *available.end() < cursor => {
                let latest = *available.end();
                return Err(SuiError::ChainReset { cursor, latest });
            }
            Ok(available) if *available.start() <= needed => return Ok(()),
            Ok(available) if others == 0 => {
                let lowest = *available.start();
                return Err(SuiError::Pruned { needed, lowest });
            }
            Ok(_) => {
                others -= 1;
                rpc.rotate();
            }
            Err(error) if error.is_transient() => {
                tracing::debug!(%error, "waiting for a full node");
                tokio::time::sleep(RETRY_DELAY_MAX).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn open(rpc: &SuiRpc, first: u64, mask: &str) -> Frames {
    let request = CheckpointStreamRequest::new()
        .with_read_mask(FieldMask::from_str(mask))
        .with_start(CheckpointStreamStart::Checkpoint(first));
    let mut config = LedgerStreamConfig::default();
    config.base_retry_delay = RETRY_DELAY_MIN;
    config.max_retry_delay = RETRY_DELAY_MAX;
    config.retry_jitter = RETRY_DELAY_MIN;
    rpc.client()
        .stream_checkpoints_with_config(request, config)
        .boxed()
}

/// Extracts the events whose types `package` defines.
fn checkpoint_events(
    checkpoint: &proto::Checkpoint,
    package: Address,
) -> Result<CheckpointEvents, SuiError> {
    let number = checkpoint.sequence_number();
    let timestamp = checkpoint.summary().timestamp.unwrap_or_default();
    let timestamp_ms = proto_to_timestamp_ms(timestamp).map_err(|error| {
        SuiError::decode(format!("the timestamp of checkpoint {number}"), error)
    })?;
    let mut events = Vec::new();
    for transaction in checkpoint.transactions() {
        if transaction.events().events().is_empty() {
            continue;
        }
        let digest: Digest = transaction
            .digest()
            .parse()
            .map_err(|error| SuiError::decode(format!("a digest in checkpoint {number}"), error))?;
        events.extend(transaction_events(transaction, digest, package)?);
    }
    Ok(CheckpointEvents {
        checkpoint: number,
        timestamp_ms,
        events,
    })
}

/// The same of a checkpoint that is proven.
fn proven_events(proven: &Proven, package: Address) -> Result<CheckpointEvents, SuiError> {
    let mut events = Vec::new();
    for (digest, told) in &proven.transactions {
        let mut walrus = WalrusEvents::of(*digest, package);
        for event in told {
            walrus.take(&event.type_, &event.contents)?;
        }
        events.extend(walrus.events);
    }
    Ok(CheckpointEvents {
        checkpoint: proven.summary.sequence_number,
        timestamp_ms: proven.summary.timestamp_ms,
        events,
    })
}

fn transaction_events(
    transaction: &proto::ExecutedTransaction,
    digest: Digest,
    package: Address,
) -> Result<Vec<(EventId, WalrusEvent)>, SuiError> {
    let mut walrus = WalrusEvents::of(digest, package);
    for event in transaction.events().events() {
        let event = raw_event(event)?;
        walrus.take(&event.type_, &event.contents)?;
    }
    Ok(walrus.events)
}

/// The Walrus events among those of a transaction.
struct WalrusEvents {
    digest: Digest,
    package: Address,
    next_seq: u64,
    events: Vec<(EventId, WalrusEvent)>,
}

impl WalrusEvents {
    fn of(digest: Digest, package: Address) -> Self {
        Self {
            digest,
            package,
            next_seq: 0,
            events: Vec::new(),
        }
    }

    fn take(&mut self, type_: &StructTag, contents: &[u8]) -> Result<(), SuiError> {
        if *type_.address() != self.package {
            return Ok(());
        }
        let id = EventId {
            tx_digest: self.digest.into_inner(),
            event_seq: self.next_seq,
        };
        self.next_seq += 1;
        let (module, name) = (type_.module().as_str(), type_.name().as_str());
        match WalrusEvent::from_bcs(module, name, contents) {
            Ok(decoded) => self.events.push((id, decoded)),
            // An upgrade of the contracts must not stop programs that do not need its news.
            Err(error @ EventError::Unknown { .. }) => {
                tracing::warn!(%id, %error, "skipping an event");
            }
            Err(error) => {
                return Err(SuiError::decode(
                    format!("an event of {}", self.digest),
                    error,
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use walrus_contracts::events::EpochChangeDone;

    use super::*;

    const PACKAGE: Address = Address::from_static("0xabc");

    fn event(type_: &str, contents: Vec<u8>) -> proto::Event {
        proto::Event::default()
            .with_event_type(type_)
            .with_contents(proto::Bcs::from(contents))
    }

    fn epoch_done(epoch: u32) -> proto::Event {
        event(
            "0xabc::events::EpochChangeDone",
            epoch.to_le_bytes().to_vec(),
        )
    }

    fn transaction(byte: u8, events: Vec<proto::Event>) -> proto::ExecutedTransaction {
        proto::ExecutedTransaction::default()
            .with_digest(Digest::new([byte; 32]).to_string())
            .with_events(proto::TransactionEvents::default().with_events(events))
    }

    fn checkpoint(transactions: Vec<proto::ExecutedTransaction>) -> proto::Checkpoint {
        let time = prost_types::Timestamp {
            seconds: 3,
            nanos: 5_000_000,
        };
        proto::Checkpoint::default()
            .with_sequence_number(9u64)
            .with_summary(proto::CheckpointSummary::default().with_timestamp(time))
            .with_transactions(transactions)
    }

    fn done(byte: u8, event_seq: u64, epoch: u32) -> (EventId, WalrusEvent) {
        let tx_digest = [byte; 32];
        let id = EventId {
            tx_digest,
            event_seq,
        };
        (id, EpochChangeDone { epoch }.into())
    }

    #[test]
    fn events_are_counted_among_those_of_the_package() {
        let foreign = event("0x2::coin::CurrencyCreated", vec![1]);
        let first = transaction(
            1,
            vec![foreign.clone(), epoch_done(5), foreign, epoch_done(6)],
        );
        let second = transaction(2, vec![epoch_done(7)]);
        let plain = proto::ExecutedTransaction::default();
        let read = checkpoint_events(&checkpoint(vec![first, plain, second]), PACKAGE).unwrap();
        assert_eq!((read.checkpoint, read.timestamp_ms), (9, 3005));
        assert_eq!(read.events, [done(1, 0, 5), done(1, 1, 6), done(2, 0, 7)]);
    }

    #[test]
    fn unknown_events_are_skipped_but_counted_and_malformed_ones_refused() {
        let news = event("0xabc::events::FromTheFuture", vec![1, 2, 3]);
        let transactions = vec![transaction(1, vec![news, epoch_done(5)])];
        let read = checkpoint_events(&checkpoint(transactions), PACKAGE).unwrap();
        assert_eq!(read.events, [done(1, 1, 5)]);

        let short = event("0xabc::events::EpochChangeDone", vec![1]);
        let transactions = vec![transaction(1, vec![short])];
        assert!(checkpoint_events(&checkpoint(transactions), PACKAGE).is_err());
        let nonsense = event("no type", vec![]);
        let transactions = vec![transaction(1, vec![nonsense])];
        assert!(checkpoint_events(&checkpoint(transactions), PACKAGE).is_err());
    }
}
