//! Finding the metadata of a blob: any node will do, because the blob ID commits to it.

use std::{sync::Arc, time::Duration};

use walrus_core::{BlobId, bft, metadata::VerifiedMetadata};

use super::ReadError;
use crate::{
    committee::{CommitteeClients, FanOut, FanOutEvent, FanOutLimits},
    config::CommunicationConfig,
    node::NodeError,
    report::{NodeFailure, ShardReport},
    retry::small,
};

/// Time without an answer after which one more node is asked.
const HEDGE_DELAY: Duration = Duration::from_millis(500);

/// Asks nodes in random order until one gives metadata that hashes to `blob_id`.
pub(super) async fn fetch(
    committee: &Arc<CommitteeClients>,
    blob_id: BlobId,
    config: &CommunicationConfig,
) -> Result<VerifiedMetadata, ReadError> {
    let limits = FanOutLimits {
        at_once: config.max_concurrent_metadata_reads.get(),
        hedge_delay: Some(HEDGE_DELAY),
        deadline: None,
    };
    let nodes = Arc::clone(committee);
    let mut fan_out = FanOut::new(committee.shuffled(), limits, move |position| {
        ask(Arc::clone(&nodes), position, blob_id)
    });
    let mut refusals = Refusals::default();
    loop {
        match fan_out.next(usize::MAX).await {
            FanOutEvent::Answer(_, Ok(metadata)) => return Ok(metadata),
            FanOutEvent::Answer(position, Err(error)) => {
                refusals.add(committee.node(position).failure(error));
            }
            FanOutEvent::Deadline(_) | FanOutEvent::Exhausted => {
                return Err(refusals.into_error(committee, blob_id));
            }
        }
        if let Some(error) = refusals.verdict(committee, blob_id) {
            return Err(error);
        }
    }
}

async fn ask(
    committee: Arc<CommitteeClients>,
    position: usize,
    blob_id: BlobId,
) -> Result<VerifiedMetadata, NodeError> {
    let metadata = small(committee.node(position).client()?.metadata(&blob_id)).await?;
    if metadata.blob_id != blob_id {
        return Err(NodeError::InvalidAnswer(
            "metadata of another blob".to_owned(),
        ));
    }
    metadata
        .verify(committee.n_shards())
        .map_err(|error| NodeError::InvalidAnswer(error.to_string()))
}

/// The nodes that gave no metadata.
#[derive(Default)]
struct Refusals {
    not_found: u16,
    forbidden: u16,
    failures: Vec<NodeFailure>,
}

impl Refusals {
    fn add(&mut self, failure: NodeFailure) {
        if failure.error.is_not_found() {
            self.not_found += failure.shards;
        } else if failure.error.is_forbidden() {
            self.forbidden += failure.shards;
        }
        self.failures.push(failure);
    }

    /// What a quorum of "not found" and "forbidden" means: at most f of them lie, so the rest
    /// cannot hold enough of the blob either.
    fn verdict(&self, committee: &CommitteeClients, blob_id: BlobId) -> Option<ReadError> {
        let without = usize::from(self.not_found) + usize::from(self.forbidden);
        if !bft::is_quorum(without, committee.n_shards()) {
            return None;
        }
        Some(if self.forbidden > self.not_found {
            ReadError::Forbidden(blob_id)
        } else {
            ReadError::NotFound(blob_id)
        })
    }

    fn into_error(self, committee: &CommitteeClients, blob_id: BlobId) -> ReadError {
        let n_shards = committee.n_shards();
        ReadError::NoMetadata {
            blob_id,
            report: ShardReport {
                answered: self.not_found.saturating_add(self.forbidden),
                needed: bft::min_correct(n_shards),
                total: n_shards.get(),
                failures: self.failures,
            },
        }
    }
}
