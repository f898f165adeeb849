//! Collecting enough correct primary slivers.

use std::{collections::HashMap, sync::Arc, time::Duration};

use stdx::SaturatingFrom as _;
use walrus_core::{
    BlobId, ShardIndex, SliverPairIndex, SliverType,
    metadata::VerifiedMetadata,
    params,
    sliver::{Axis, Primary, SliverData},
};
use walrus_encoder::Encoder;

use super::ReadError;
use crate::{
    committee::{CommitteeClients, FanOut, FanOutEvent, FanOutLimits},
    config::CommunicationConfig,
    node::NodeError,
    progress::{Progress, ProgressEvent},
    report::{NodeFailure, ShardReport},
};

/// Time without an arrival after which one more sliver is requested than are missing.
const HEDGE_DELAY: Duration = Duration::from_secs(1);
/// Wait before nodes that failed are asked once more.
const SECOND_ROUND_DELAY: Duration = Duration::from_secs(1);

/// A shard to ask, and the node that owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    position: usize,
    shard: ShardIndex,
}

/// What went wrong in one collection.
#[derive(Default)]
struct Failures {
    /// Candidates for the second round.
    again: Vec<Candidate>,
    /// The last failure of each node.
    by_node: HashMap<usize, NodeError>,
    second_round: bool,
}

/// Fetches and verifies as many primary slivers as decoding needs.
pub(super) async fn fetch(
    committee: &Arc<CommitteeClients>,
    metadata: &Arc<VerifiedMetadata>,
    encoder: &Encoder,
    config: &CommunicationConfig,
    progress: &dyn Progress,
) -> Result<Vec<SliverData<Primary>>, ReadError> {
    let needed = usize::from(params::source_symbols(committee.n_shards()).0);
    let limits = FanOutLimits {
        at_once: concurrency(metadata, config, needed),
        hedge_delay: Some(HEDGE_DELAY),
        deadline: None,
    };
    let shared = (Arc::clone(committee), Arc::clone(metadata), encoder.clone());
    let candidates = candidates(committee, metadata.blob_id());
    let mut fan_out = FanOut::new(candidates, limits, move |candidate| {
        let (committee, metadata, encoder) = shared.clone();
        async move {
            let pair = candidate
                .shard
                .to_pair(metadata.blob_id(), committee.n_shards());
            request(&committee, candidate.position, pair, metadata, encoder).await
        }
    });
    let mut failures = Failures::default();
    let mut slivers = Vec::with_capacity(needed);
    while slivers.len() < needed {
        match fan_out.next(needed - slivers.len()).await {
            FanOutEvent::Answer(_, Ok(sliver)) => {
                slivers.push(sliver);
                let arrived = u16::saturating_from(slivers.len());
                progress.report(ProgressEvent::SliversRead { slivers: arrived });
            }
            FanOutEvent::Answer(candidate, Err(error)) => {
                tracing::debug!(
                    node = committee.node(candidate.position).name(),
                    shard = candidate.shard.0,
                    %error,
                    "sliver not received"
                );
                failures.add(candidate, error, &mut fan_out);
            }
            FanOutEvent::Deadline(_) | FanOutEvent::Exhausted => {
                let again = failures.start_second_round();
                if again.is_empty() {
                    return Err(failures.into_error(committee, metadata, slivers.len(), needed));
                }
                tokio::time::sleep(SECOND_ROUND_DELAY).await;
                fan_out.put_back(again);
            }
        }
    }
    Ok(slivers)
}

/// All shards: first those with the rows that the blob is made of, which need no decoding, then
/// those with recovery rows, each group in random order. Which shards have which rows depends on
/// the blob, so blobs share the load.
fn candidates(committee: &CommitteeClients, blob_id: &BlobId) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = (0..committee.len())
        .flat_map(|position| {
            let shards = committee.node(position).shards().iter();
            shards.map(move |shard| Candidate {
                position,
                shard: *shard,
            })
        })
        .collect();
    committee.shuffle(&mut candidates);
    let n_shards = committee.n_shards();
    let source_rows = SliverType::Primary.source_slivers(n_shards);
    candidates.sort_by_key(|candidate| {
        let pair = candidate.shard.to_pair(blob_id, n_shards);
        pair.sliver_index(SliverType::Primary, n_shards).0 >= source_rows
    });
    candidates
}

/// Requests in flight: as many as configured, while their slivers fit into the data in flight.
fn concurrency(metadata: &VerifiedMetadata, config: &CommunicationConfig, needed: usize) -> usize {
    let configured = config
        .max_concurrent_sliver_reads
        .map_or(needed, std::num::NonZeroUsize::get);
    let sliver = metadata.sliver_size(SliverType::Primary).max(1);
    configured.min((config.max_data_in_flight / sliver).max(1))
}

impl Failures {
    /// Notes a failure. The other shards of a node that is down are put off to the second round.
    fn add<T: Send + 'static>(
        &mut self,
        candidate: Candidate,
        error: NodeError,
        fan_out: &mut FanOut<Candidate, T>,
    ) {
        let is_down = error.is_unreachable() || matches!(error, NodeError::Timeout(_));
        if is_down && !self.second_round {
            let position = candidate.position;
            let put_off = fan_out.take_waiting(|waiting| waiting.position == position);
            self.again.extend(put_off);
        }
        if error.is_retriable() {
            self.again.push(candidate);
        }
        self.by_node.insert(candidate.position, error);
    }

    /// The shards that failed for a passing reason; only once. Silent nodes have had their time.
    fn start_second_round(&mut self) -> Vec<Candidate> {
        if self.second_round {
            return Vec::new();
        }
        self.second_round = true;
        let mut again = std::mem::take(&mut self.again);
        again.retain(|candidate| {
            let failure = self.by_node.get(&candidate.position);
            !matches!(failure, Some(NodeError::Timeout(_)))
        });
        again
    }

    fn into_error(
        self,
        committee: &CommitteeClients,
        metadata: &VerifiedMetadata,
        slivers: usize,
        needed: usize,
    ) -> ReadError {
        let mut failures: Vec<(usize, NodeError)> = self.by_node.into_iter().collect();
        failures.sort_by_key(|(position, _)| *position);
        let failures: Vec<NodeFailure> = failures
            .into_iter()
            .map(|(position, error)| committee.node(position).failure(error))
            .collect();
        ReadError::NotEnoughSlivers {
            blob_id: *metadata.blob_id(),
            report: ShardReport {
                answered: u16::saturating_from(slivers),
                needed: u16::saturating_from(needed),
                total: committee.n_shards().get(),
                failures,
            },
        }
    }
}

/// Fetches a sliver of a pair from a node, and verifies it.
pub(super) async fn request<A>(
    committee: &CommitteeClients,
    position: usize,
    pair: SliverPairIndex,
    metadata: Arc<VerifiedMetadata>,
    encoder: Encoder,
) -> Result<SliverData<A>, NodeError>
where
    A: Axis,
{
    let client = committee.node(position).client()?;
    let length_max = metadata.sliver_size(A::TYPE);
    let sliver = client
        .sliver::<A>(metadata.blob_id(), pair, A::TYPE, length_max)
        .await?;
    if sliver.index != pair.sliver_index(A::TYPE, committee.n_shards()) {
        return Err(NodeError::InvalidAnswer(
            "a sliver with another index".to_owned(),
        ));
    }
    // Hashing a sliver of megabytes would hold up every other connection.
    ambient::run_blocking(move || {
        encoder
            .verify_sliver(&sliver, &metadata)
            .map_err(|error| NodeError::InvalidAnswer(error.to_string()))?;
        Ok(sliver)
    })
    .await
    .expect("verification does not panic")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::test_network::{TestNetwork, quick_config};

    #[tokio::test]
    async fn those_with_source_rows_are_asked_first_and_everybody_once() {
        let network = TestNetwork::start(&[3, 3, 2, 2]).await;
        let clients = network.clients(&quick_config());
        let mut orders = BTreeSet::new();
        for byte in 0..20 {
            let blob_id = BlobId([byte; 32]);
            let candidates = candidates(&clients, &blob_id);
            let rows: Vec<u16> = candidates
                .iter()
                .map(|candidate| candidate.shard.to_pair(&blob_id, network.n_shards()).0)
                .collect();
            assert!(rows[..4].iter().all(|row| *row < 4), "{rows:?}");
            assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), 10, "{rows:?}");
            orders.insert(rows);
        }
        assert!(orders.len() > 1, "the order is random");
    }
}
