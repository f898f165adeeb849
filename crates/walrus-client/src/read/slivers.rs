//! Collecting enough correct primary slivers.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use rand::seq::SliceRandom;
use walrus_core::{
    ShardIndex, SliverType,
    metadata::VerifiedMetadata,
    params,
    sliver::{Primary, SliverData},
};
use walrus_encoder::Encoder;

use super::ReadError;
use crate::{
    config::CommunicationConfig,
    network::CommitteeClients,
    node::NodeError,
    progress::{Progress, ProgressEvent},
    report::{NodeFailure, ShardReport},
};

/// Time without an arrival after which one more sliver is requested than are missing.
const HEDGE_DELAY: Duration = Duration::from_secs(1);
/// Wait before nodes that failed are asked once more.
const SECOND_ROUND_DELAY: Duration = Duration::from_secs(1);

/// A shard to ask, and the node that owns it.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    position: usize,
    shard: ShardIndex,
}

/// The state of one collection.
struct Collection<'a> {
    committee: &'a Arc<CommitteeClients>,
    metadata: &'a Arc<VerifiedMetadata>,
    encoder: &'a Encoder,
    waiting: VecDeque<Candidate>,
    /// Candidates for the second round, with what happened in the first.
    failed: Vec<Candidate>,
    failures: HashMap<usize, NodeError>,
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
    let concurrency = concurrency(metadata, config, needed);
    let mut collection = Collection::new(committee, metadata, encoder);
    let mut in_flight = FuturesUnordered::new();
    let mut slivers = Vec::with_capacity(needed);
    // Requests beyond the missing slivers, granted when nothing arrives.
    let mut extra = 0_usize;
    while slivers.len() < needed {
        let wanted = (needed - slivers.len() + extra).min(concurrency + extra);
        while in_flight.len() < wanted {
            let Some(candidate) = collection.next() else {
                break;
            };
            in_flight.push(collection.request(candidate));
        }
        if in_flight.is_empty() {
            if collection.start_second_round() {
                tokio::time::sleep(SECOND_ROUND_DELAY).await;
                continue;
            }
            return Err(collection.into_error(slivers.len(), needed));
        }
        let (candidate, answer) = tokio::select! {
            Some(reply) = in_flight.next() => reply,
            () = tokio::time::sleep(HEDGE_DELAY), if !collection.waiting.is_empty() => {
                extra += 1;
                continue;
            }
        };
        match answer {
            Ok(sliver) => {
                slivers.push(sliver);
                let arrived = u16::try_from(slivers.len()).unwrap_or(u16::MAX);
                progress.report(ProgressEvent::SliversRead { slivers: arrived });
            }
            Err(error) => collection.fail(candidate, error),
        }
    }
    Ok(slivers)
}

/// Requests in flight: as many as configured, while their slivers fit into the data in flight.
fn concurrency(metadata: &VerifiedMetadata, config: &CommunicationConfig, needed: usize) -> usize {
    let configured = config
        .max_concurrent_sliver_reads
        .map_or(needed, std::num::NonZeroUsize::get);
    let sliver = metadata.sliver_size(SliverType::Primary).max(1);
    configured.min((config.max_data_in_flight / sliver).max(1))
}

impl<'a> Collection<'a> {
    fn new(
        committee: &'a Arc<CommitteeClients>,
        metadata: &'a Arc<VerifiedMetadata>,
        encoder: &'a Encoder,
    ) -> Self {
        let mut waiting: Vec<Candidate> = (0..committee.len())
            .flat_map(|position| {
                let shards = committee.node(position).shards().iter();
                shards.map(move |shard| Candidate {
                    position,
                    shard: *shard,
                })
            })
            .collect();
        waiting.shuffle(&mut rand::thread_rng());
        Self {
            committee,
            metadata,
            encoder,
            waiting: waiting.into(),
            failed: Vec::new(),
            failures: HashMap::new(),
            second_round: false,
        }
    }

    /// The next shard to ask; shards of nodes that are down are put off to the second round.
    fn next(&mut self) -> Option<Candidate> {
        while let Some(candidate) = self.waiting.pop_front() {
            let is_down = self.failures.get(&candidate.position).is_some_and(|error| {
                error.is_unreachable() || matches!(error, NodeError::Timeout(_))
            });
            if self.second_round || !is_down {
                return Some(candidate);
            }
            self.failed.push(candidate);
        }
        None
    }

    fn fail(&mut self, candidate: Candidate, error: NodeError) {
        tracing::debug!(
            node = self.committee.node(candidate.position).name(),
            shard = candidate.shard.0,
            %error,
            "sliver not received"
        );
        if error.is_retriable() {
            self.failed.push(candidate);
        }
        self.failures.insert(candidate.position, error);
    }

    /// Puts the shards that failed for a passing reason back; only once. Silent nodes have had their time.
    fn start_second_round(&mut self) -> bool {
        if self.second_round {
            return false;
        }
        self.second_round = true;
        let failures = &self.failures;
        let again = self.failed.drain(..).filter(|candidate| {
            !matches!(
                failures.get(&candidate.position),
                Some(NodeError::Timeout(_))
            )
        });
        self.waiting.extend(again);
        !self.waiting.is_empty()
    }

    /// Requests one sliver and verifies it; the future owns what it needs.
    fn request(
        &self,
        candidate: Candidate,
    ) -> impl Future<Output = (Candidate, Result<SliverData<Primary>, NodeError>)> + 'static + use<>
    {
        let committee = Arc::clone(self.committee);
        let metadata = Arc::clone(self.metadata);
        let encoder = self.encoder.clone();
        async move {
            let answer = request(&committee, candidate, metadata, encoder).await;
            (candidate, answer)
        }
    }

    fn into_error(self, slivers: usize, needed: usize) -> ReadError {
        let mut failures: Vec<(usize, NodeError)> = self.failures.into_iter().collect();
        failures.sort_by_key(|(position, _)| *position);
        let failures: Vec<NodeFailure> = failures
            .into_iter()
            .map(|(position, error)| self.committee.node(position).failure(error))
            .collect();
        ReadError::NotEnoughSlivers {
            blob_id: *self.metadata.blob_id(),
            report: ShardReport {
                answered: u16::try_from(slivers).unwrap_or(u16::MAX),
                needed: u16::try_from(needed).unwrap_or(u16::MAX),
                total: self.committee.n_shards().get(),
                failures,
            },
        }
    }
}

async fn request(
    committee: &CommitteeClients,
    candidate: Candidate,
    metadata: Arc<VerifiedMetadata>,
    encoder: Encoder,
) -> Result<SliverData<Primary>, NodeError> {
    let client = committee.node(candidate.position).client()?;
    let pair = candidate
        .shard
        .to_pair(metadata.blob_id(), committee.n_shards());
    let length_max = metadata.sliver_size(SliverType::Primary);
    let download =
        client.sliver::<Primary>(metadata.blob_id(), pair, SliverType::Primary, length_max);
    let sliver = download.await?;
    if sliver.index != pair.sliver_index(SliverType::Primary, committee.n_shards()) {
        return Err(NodeError::InvalidAnswer(
            "a sliver with another index".to_owned(),
        ));
    }
    // Hashing a sliver of megabytes would hold up every other connection.
    tokio::task::spawn_blocking(move || {
        encoder
            .verify_sliver(&sliver, &metadata)
            .map_err(|error| NodeError::InvalidAnswer(error.to_string()))?;
        Ok(sliver)
    })
    .await
    .expect("verification does not panic")
}
