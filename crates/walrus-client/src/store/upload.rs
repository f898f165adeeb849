//! Sending an encoded blob to the committee and collecting the confirmations for its certificate.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ambient::memory::MemoryBound;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use walrus_core::{
    BlobId, ProtocolCertificate, SignedMessage, SliverPairIndex, SliverType, StorageConfirmation,
    messages::{BlobPersistence, ConfirmationBody},
    node_api::StoredStatus,
};

use super::encoded::EncodedBlob;
use crate::{
    committee::{CommitteeClients, FanOut, FanOutEvent, FanOutLimits, Node, ShardTally},
    config::{CommunicationConfig, TailHandling},
    node::{Accepted, NodeError},
    progress::{ProgressEvent, ProgressSink},
    report::ShardReport,
    retry::{SMALL_REQUEST_TIMEOUT, small, with_retries},
};

/// The signed word of one node.
type Confirmation = SignedMessage<ConfirmationBody>;

/// Everything the upload of one blob needs; shared by the tasks of its nodes.
pub(crate) struct Upload {
    pub committee: Arc<CommitteeClients>,
    pub blob: Arc<EncodedBlob>,
    pub persistence: BlobPersistence,
    pub config: Arc<CommunicationConfig>,
    pub budget: MemoryBound,
    /// Position of the blob in the store, for progress.
    pub position: usize,
    pub progress: ProgressSink,
}

/// The certificate of a blob, and the nodes that are still being served.
pub(crate) struct Uploaded {
    pub certificate: ProtocolCertificate,
    pub tail: Tail,
}

/// Uploads that go on after the quorum, bounded in time.
pub(crate) struct Tail {
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Tail {
    /// Nobody is left to be served.
    pub(crate) fn none() -> Self {
        Self { task: None }
    }

    /// Waits for the slow nodes, at most as long as they were granted.
    pub(crate) async fn finish(mut self) {
        if let Some(task) = self.task.take() {
            // The task only ends early when the runtime shuts down.
            let _ = task.await;
        }
    }
}

/// Too few nodes took part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot store blob {blob_id}: {report}")]
pub struct UploadError {
    /// The blob.
    pub blob_id: BlobId,
    /// Who confirmed.
    pub report: ShardReport,
}

impl Upload {
    /// Serves every node of the committee at once; returns when enough of them have confirmed, or
    /// as soon as that has become impossible.
    pub(crate) async fn run(self) -> Result<Uploaded, UploadError> {
        let started = Instant::now();
        let n_shards = self.committee.n_shards();
        let needed = ShardTally::of_quorum(n_shards).needed();
        self.progress.report(ProgressEvent::Uploading {
            blob: self.position,
            blob_id: *self.blob.blob_id(),
            shards: n_shards.get(),
            needed,
        });
        let upload = Arc::new(self);
        let mut fan_out = upload.fan_out();
        let mut tally = ShardTally::of_quorum(n_shards);
        let mut confirmations = BTreeMap::new();
        while !tally.is_enough() {
            let event = if tally.is_lost() {
                FanOutEvent::Exhausted
            } else {
                fan_out.next(usize::MAX).await
            };
            let FanOutEvent::Answer(position, answer) = event else {
                return Err(UploadError {
                    blob_id: *upload.blob.blob_id(),
                    report: tally.into_report(),
                });
            };
            let node = upload.committee.node(position);
            match answer {
                Ok(confirmation) => {
                    let index =
                        u16::try_from(position).expect("members own shards, and shards are u16");
                    confirmations.insert(index, confirmation);
                    tally.answer(node);
                    upload.progress.report(ProgressEvent::Confirmed {
                        blob: upload.position,
                        shards: tally.answered,
                    });
                }
                Err(error) => {
                    tracing::debug!(node = node.name(), %error, "node did not confirm");
                    tally.failure(node, error);
                }
            }
        }
        upload.progress.report(ProgressEvent::QuorumReached {
            blob: upload.position,
        });
        let certificate = ProtocolCertificate::aggregate(confirmations)
            .expect("confirmations were verified one by one and are of the same message");
        let tail = Tail::spawn(&upload.config, fan_out, started.elapsed());
        Ok(Uploaded { certificate, tail })
    }

    fn fan_out(self: &Arc<Self>) -> FanOut<usize, Confirmation> {
        let at_once = self
            .config
            .max_concurrent_writes
            .map_or(self.committee.len(), std::num::NonZeroUsize::get);
        let limits = FanOutLimits {
            at_once,
            hedge_delay: None,
            deadline: None,
        };
        let upload = Arc::clone(self);
        FanOut::new(self.committee.shuffled(), limits, move |position| {
            let upload = Arc::clone(&upload);
            // A task for each node, so that all cores encrypt what is sent.
            let serving = ambient::spawn(async move {
                let node = upload.committee.node(position);
                upload.serve(node).await
            });
            let serving = AbortOnDropHandle::new(serving);
            async move {
                serving
                    .await
                    .expect("the tasks of nodes neither panic nor are aborted")
            }
        })
    }

    /// Metadata, slivers, confirmation: all that one node gets and gives.
    async fn serve(self: &Arc<Self>, node: Node<'_>) -> Result<Confirmation, NodeError> {
        let client = node.client()?;
        let blob_id = self.blob.blob_id();
        let (backoff, environment) = (self.config.backoff, self.committee.environment());
        let accepted = with_retries(backoff, environment, || {
            small(client.store_metadata(blob_id, self.blob.metadata_body()))
        })
        .await?;
        // A node that had the metadata may have slivers too, from an upload that was interrupted.
        let ask_first = accepted == Accepted::Already;
        let slivers: Vec<(SliverPairIndex, SliverType)> = node
            .shards()
            .iter()
            .map(|shard| shard.to_pair(blob_id, self.committee.n_shards()))
            .flat_map(|pair| [SliverType::Primary, SliverType::Secondary].map(|axis| (pair, axis)))
            .collect();
        stream::iter(slivers)
            .map(|(pair, axis)| {
                let upload = Arc::clone(self);
                let position = node.position;
                async move { upload.send_sliver(position, pair, axis, ask_first).await }
            })
            .buffer_unordered(self.config.max_node_connections.get())
            .try_collect::<()>()
            .await?;
        self.confirm(node).await
    }

    async fn send_sliver(
        &self,
        position: usize,
        pair: SliverPairIndex,
        axis: SliverType,
        ask_first: bool,
    ) -> Result<(), NodeError> {
        let node = self.committee.node(position);
        let client = node.client()?;
        let blob_id = self.blob.blob_id();
        let body = self.blob.sliver_body(pair, axis);
        if ask_first && body.length() >= self.config.sliver_status_check_threshold {
            let status = small(client.sliver_status(blob_id, pair, axis)).await;
            // A failed question is no reason not to send.
            if matches!(status, Ok(StoredStatus::Stored | StoredStatus::Buffered)) {
                return Ok(());
            }
        }
        let _in_flight = self.budget.reserve(body.length()).await;
        with_retries(self.config.backoff, self.committee.environment(), || {
            client.store_sliver(blob_id, pair, axis, body)
        })
        .await?;
        Ok(())
    }

    /// Asks for the confirmation and checks it against the key the node has on chain.
    async fn confirm(&self, node: Node<'_>) -> Result<Confirmation, NodeError> {
        let client = node.client()?;
        let blob_id = self.blob.blob_id();
        // The answer to a long poll must arrive before the time-out of the request.
        let long_poll = self
            .config
            .confirmation_long_poll
            .min(SMALL_REQUEST_TIMEOUT / 2);
        let StorageConfirmation::Signed(signed) =
            with_retries(self.config.backoff, self.committee.environment(), || {
                small(client.confirmation(blob_id, &self.persistence, long_poll))
            })
            .await?;
        let expected = ConfirmationBody {
            blob_id: *blob_id,
            persistence: self.persistence,
        };
        signed
            .verify(&node.member.public_key, self.committee.epoch(), &expected)
            .map_err(|error| NodeError::InvalidAnswer(format!("confirmation: {error}")))?;
        Ok(signed)
    }
}

impl Tail {
    /// Lets the remaining nodes be served for the extra time that follows from how long the quorum
    /// took.
    fn spawn(
        config: &CommunicationConfig,
        fan_out: FanOut<usize, Confirmation>,
        quorum_time: Duration,
    ) -> Self {
        if fan_out.is_done() {
            return Self::none();
        }
        let extra = config.sliver_write_extra_time.after(quorum_time);
        let task = ambient::spawn(async move {
            // Past the limit the requests are dropped, which ends them.
            let _ = tokio::time::timeout(extra, fan_out.drain()).await;
        });
        match config.tail_handling {
            TailHandling::Blocking => Self { task: Some(task) },
            TailHandling::Detached => Self::none(),
        }
    }
}
