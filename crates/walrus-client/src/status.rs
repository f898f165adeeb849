//! What the network knows about a blob: asking every node, and deciding what to believe.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use walrus_core::{BlobId, NShards, bft, node_api::BlobStatus};

use crate::{
    committee::{CommitteeClients, FanOut, FanOutEvent, FanOutLimits},
    config::CommunicationConfig,
    node::NodeError,
    report::{NodeFailure, ShardReport},
    retry::small,
};

/// Time between two rounds of questions when the first was not conclusive.
const ROUND_PAUSE: Duration = Duration::from_millis(500);

/// No status could be established.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// Too few nodes answered.
    #[error("the status of the blob is unknown: {0}")]
    NotEnoughAnswers(ShardReport),
    /// Enough nodes answered, but no answer was given by enough of them.
    #[error(
        "the status of the blob is unknown: the nodes gave {0} different answers, none confirmed by more \
         than f shards"
    )]
    NoAgreement(usize),
}

/// The answers collected so far: each different one with the shards behind it.
#[derive(Debug, Clone)]
struct Answers {
    n_shards: NShards,
    weight: u16,
    groups: Vec<(BlobStatus, u16)>,
}

impl Answers {
    fn new(n_shards: NShards) -> Self {
        Self {
            n_shards,
            weight: 0,
            groups: Vec::new(),
        }
    }

    fn add(&mut self, status: BlobStatus, weight: u16) {
        self.weight = self.weight.saturating_add(weight);
        match self.groups.iter_mut().find(|(known, _)| *known == status) {
            Some((_, total)) => *total = total.saturating_add(weight),
            None => self.groups.push((status, weight)),
        }
    }

    fn is_quorum(&self) -> bool {
        bft::is_quorum(usize::from(self.weight), self.n_shards)
    }

    /// The status to believe once a quorum has answered.
    ///
    /// At most f shards lie, so an answer of f+1 is true for somebody honest; of several such
    /// answers the most advanced one is the latest. Nonexistence is proven by a quorum only.
    fn decide(&self) -> Option<BlobStatus> {
        if !self.is_quorum() {
            return None;
        }
        let backed = self.groups.iter().filter(|(status, weight)| match status {
            BlobStatus::Nonexistent => bft::is_quorum(usize::from(*weight), self.n_shards),
            _ => bft::is_above_validity(usize::from(*weight), self.n_shards),
        });
        backed
            .max_by(|(left, _), (right, _)| left.cmp_progress(right))
            .map(|(status, _)| status.clone())
    }
}

/// Asks the committee until the status is certain or `timeout` has passed.
pub(crate) async fn blob_status(
    committee: &Arc<CommitteeClients>,
    blob_id: &BlobId,
    config: &CommunicationConfig,
    timeout: Duration,
) -> Result<BlobStatus, StatusError> {
    let deadline = Instant::now() + timeout;
    loop {
        let (answers, failures) = one_round(committee, blob_id, config, deadline).await;
        if let Some(status) = answers.decide() {
            return Ok(status);
        }
        // Nodes a few checkpoints apart agree a moment later; nodes that are down do not come back
        // so fast.
        let wait_is_useful = answers.is_quorum() && Instant::now() + ROUND_PAUSE < deadline;
        if wait_is_useful {
            tokio::time::sleep(ROUND_PAUSE).await;
            continue;
        }
        let n_shards = committee.n_shards();
        return Err(if answers.is_quorum() {
            StatusError::NoAgreement(answers.groups.len())
        } else {
            StatusError::NotEnoughAnswers(ShardReport {
                answered: answers.weight,
                needed: bft::min_correct(n_shards),
                total: n_shards.get(),
                failures,
            })
        });
    }
}

/// Asks every node once; stops as soon as the answers suffice.
async fn one_round(
    committee: &Arc<CommitteeClients>,
    blob_id: &BlobId,
    config: &CommunicationConfig,
    deadline: Instant,
) -> (Answers, Vec<NodeFailure>) {
    let at_once = config
        .max_concurrent_status_reads
        .map_or(committee.len(), std::num::NonZeroUsize::get);
    let limits = FanOutLimits {
        at_once,
        hedge_delay: None,
        deadline: Some(deadline),
    };
    let blob_id = *blob_id;
    let nodes = Arc::clone(committee);
    let mut fan_out = FanOut::new(committee.shuffled(), limits, move |position| {
        let nodes = Arc::clone(&nodes);
        async move { small(nodes.node(position).client()?.blob_status(&blob_id)).await }
    });
    let mut answers = Answers::new(committee.n_shards());
    let mut failures = Vec::new();
    let started = Instant::now();
    while answers.decide().is_none() {
        match fan_out.next(usize::MAX).await {
            FanOutEvent::Answer(position, Ok(status)) => {
                answers.add(status, committee.node(position).weight());
            }
            FanOutEvent::Answer(position, Err(error)) => {
                failures.push(committee.node(position).failure(error));
            }
            FanOutEvent::Deadline(silent) => {
                let waited = NodeError::Timeout(started.elapsed());
                let silent = silent.into_iter().map(|position| committee.node(position));
                failures.extend(silent.map(|node| node.failure(waited.clone())));
                break;
            }
            FanOutEvent::Exhausted => break,
        }
    }
    (answers, failures)
}

#[cfg(test)]
mod tests {
    use walrus_core::{EventId, node_api::DeletableCounts};

    use super::*;

    fn permanent(end_epoch: u32, is_certified: bool) -> BlobStatus {
        BlobStatus::Permanent {
            end_epoch,
            is_certified,
            status_event: EventId {
                tx_digest: [1; 32],
                event_seq: 0,
            },
            deletable_counts: DeletableCounts::default(),
            initial_certified_epoch: is_certified.then_some(1),
        }
    }

    fn decide(answers: &[(BlobStatus, u16)]) -> Option<BlobStatus> {
        let mut collected = Answers::new(NShards::new(10).unwrap());
        for (status, weight) in answers {
            collected.add(status.clone(), *weight);
        }
        collected.decide()
    }

    #[test]
    fn nothing_is_decided_below_a_quorum() {
        assert_eq!(decide(&[]), None);
        assert_eq!(decide(&[(permanent(5, true), 6)]), None);
        assert_eq!(
            decide(&[(permanent(5, true), 3), (permanent(5, true), 4)]),
            Some(permanent(5, true))
        );
    }

    #[test]
    fn the_most_advanced_answer_with_honest_support_wins() {
        // Three shards are f: they may all lie.
        let lies = [(permanent(99, true), 3), (permanent(5, false), 4)];
        assert_eq!(decide(&lies), Some(permanent(5, false)));
        let late = [(permanent(5, false), 4), (permanent(5, true), 4)];
        assert_eq!(decide(&late), Some(permanent(5, true)));
    }

    #[test]
    fn nonexistence_needs_a_quorum() {
        let split = [(BlobStatus::Nonexistent, 6), (permanent(5, true), 3)];
        assert_eq!(decide(&split), None);
        let clear = [(BlobStatus::Nonexistent, 7), (permanent(5, true), 3)];
        assert_eq!(decide(&clear), Some(BlobStatus::Nonexistent));
    }

    #[test]
    fn scattered_answers_decide_nothing() {
        let scattered = [
            (permanent(5, true), 3),
            (permanent(6, true), 3),
            (permanent(7, true), 3),
        ];
        assert_eq!(decide(&scattered), None);
    }
}
