//! Finding the metadata of a blob: any node will do, because the blob ID commits to it.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use walrus_core::{BlobId, bft, metadata::VerifiedMetadata};

use super::ReadError;
use crate::{
    config::CommunicationConfig,
    network::CommitteeClients,
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
    let mut candidates = committee.shuffled().into_iter();
    let mut in_flight = FuturesUnordered::new();
    let ask = |position| ask(Arc::clone(committee), position, blob_id);
    in_flight.extend(
        candidates
            .by_ref()
            .take(config.max_concurrent_metadata_reads.get())
            .map(ask),
    );
    let mut refusals = Refusals::default();
    loop {
        let reply = tokio::select! {
            reply = in_flight.next() => reply,
            () = tokio::time::sleep(HEDGE_DELAY), if candidates.len() > 0 => {
                in_flight.extend(candidates.next().map(ask));
                continue;
            }
        };
        let Some((position, answer)) = reply else {
            return Err(refusals.into_error(committee, blob_id));
        };
        match answer {
            Ok(metadata) => return Ok(metadata),
            Err(error) => refusals.add(committee.node(position).failure(error)),
        }
        if let Some(error) = refusals.verdict(committee, blob_id) {
            return Err(error);
        }
        in_flight.extend(candidates.next().map(ask));
    }
}

async fn ask(
    committee: Arc<CommitteeClients>,
    position: usize,
    blob_id: BlobId,
) -> (usize, Result<VerifiedMetadata, NodeError>) {
    let answer = async {
        let metadata = small(committee.node(position).client()?.metadata(&blob_id)).await?;
        if metadata.blob_id != blob_id {
            return Err(NodeError::InvalidAnswer(
                "metadata of another blob".to_owned(),
            ));
        }
        metadata
            .verify(committee.n_shards())
            .map_err(|error| NodeError::InvalidAnswer(error.to_string()))
    };
    (position, answer.await)
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

    /// What a quorum of "not found" and "forbidden" means: at most f of them lie, so the rest cannot hold
    /// enough of the blob either.
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
