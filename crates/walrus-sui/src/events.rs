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
use sui_sdk_types::{Address, Digest};
use walrus_contracts::events::{EventError, WalrusEvent};
use walrus_core::{EventId, ObjectId};

use crate::{
    error::{SuiError, is_transient},
    executor::raw_event,
    ids::object_address,
    rpc::{SuiRpc, backoff},
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
    /// Its Walrus events in order. The sequence number in an ID counts the Walrus events of the transaction.
    pub events: Vec<(EventId, WalrusEvent)>,
}

/// Follows the chain from a checkpoint on, forever.
///
/// Persist the number of a checkpoint after its events are processed, and resume with it: every checkpoint is
/// delivered, in order, exactly once per stream. Interruptions are bridged inside; a full node that is away
/// is waited for.
pub struct EventStream {
    rpc: SuiRpc,
    package: Address,
    /// The last checkpoint that was delivered.
    cursor: u64,
    frames: Option<Frames>,
    failures: u32,
}

type Frames = BoxStream<'static, Result<CheckpointStreamFrame, tonic::Status>>;

impl EventStream {
    /// Events of the checkpoints after `cursor`, of types defined in `original_package`.
    pub fn new(rpc: SuiRpc, original_package: ObjectId, cursor: u64) -> Self {
        Self {
            rpc,
            package: object_address(original_package),
            cursor,
            frames: None,
            failures: 0,
        }
    }

    /// The last checkpoint that was delivered (or the one the stream was opened with).
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Waits for the next checkpoint.
    ///
    /// Fails only for reasons that waiting does not cure: the full node has dropped the checkpoints we need, is
    /// of another chain than before, or sends what cannot be understood. Calling again tries again. Dropping
    /// the future loses nothing.
    pub async fn next(&mut self) -> Result<CheckpointEvents, SuiError> {
        loop {
            if let Some(checkpoint) = self.next_checkpoint().await? {
                let events = checkpoint_events(&checkpoint, self.package)?;
                self.cursor = events.checkpoint;
                self.failures = 0;
                return Ok(events);
            }
        }
    }

    /// The next checkpoint, or `None` if the connection has to be made anew.
    async fn next_checkpoint(&mut self) -> Result<Option<proto::Checkpoint>, SuiError> {
        let expected = self.cursor + 1;
        let frames = match &mut self.frames {
            Some(frames) => frames,
            none => {
                check_same_chain(&self.rpc, self.cursor).await?;
                none.insert(open(&self.rpc, expected))
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

impl SuiRpc {
    /// Sequence number of the latest checkpoint.
    pub async fn latest_checkpoint(&self) -> Result<u64, SuiError> {
        let request = proto::GetCheckpointRequest::latest()
            .with_read_mask(FieldMask::from_str("sequence_number"));
        let response = self
            .call("GetCheckpoint", |mut client| {
                let request = request.clone();
                async move { client.ledger_client().get_checkpoint(request).await }
            })
            .await?;
        Ok(response.get_ref().checkpoint().sequence_number())
    }
}

/// A chain that is behind our cursor was reset: waiting for it to catch up would skip its events.
async fn check_same_chain(rpc: &SuiRpc, cursor: u64) -> Result<(), SuiError> {
    loop {
        match rpc.latest_checkpoint().await {
            Ok(latest) if latest < cursor => return Err(SuiError::ChainReset { cursor, latest }),
            Ok(_) => return Ok(()),
            Err(error) if error.is_transient() => {
                tracing::debug!(%error, "waiting for a full node");
                tokio::time::sleep(RETRY_DELAY_MAX).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn open(rpc: &SuiRpc, first: u64) -> Frames {
    let request = CheckpointStreamRequest::new()
        .with_read_mask(FieldMask::from_str(MASK))
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

fn transaction_events(
    transaction: &proto::ExecutedTransaction,
    digest: Digest,
    package: Address,
) -> Result<Vec<(EventId, WalrusEvent)>, SuiError> {
    let mut events = Vec::new();
    let mut event_seq = 0;
    for event in transaction.events().events() {
        let event = raw_event(event)?;
        if *event.type_.address() != package {
            continue;
        }
        let id = EventId {
            tx_digest: digest.into_inner(),
            event_seq,
        };
        event_seq += 1;
        let (module, name) = (event.type_.module().as_str(), event.type_.name().as_str());
        match WalrusEvent::from_bcs(module, name, &event.contents) {
            Ok(decoded) => events.push((id, decoded)),
            // An upgrade of the contracts must not stop programs that do not need its news.
            Err(error @ EventError::Unknown { .. }) => {
                tracing::warn!(%id, %error, "skipping an event")
            }
            Err(error) => return Err(SuiError::decode(format!("an event of {digest}"), error)),
        }
    }
    Ok(events)
}
