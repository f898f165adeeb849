//! How far event processing is, for health and metrics.

use stdx::{Mutex, RwLock};
use tokio::time::Instant;
use walrus_core::node_api::{EventProgress, RecoveryProgress};

/// Phase of the node's life, as the health report names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NodePhase {
    /// Up to date, but not in the committee.
    #[default]
    Standby,
    /// Up to date and in the committee.
    Active,
    /// New in the committee: fetching the metadata of all certified blobs.
    RecoverMetadata,
    /// Replaying events of epochs that are over.
    CatchUp,
    /// The same, but events are missing from the history there is: those of blobs that have expired
    /// since.
    CatchUpIncomplete {
        /// The first epoch of which blobs may live whose events are all there.
        first_complete_epoch: walrus_core::Epoch,
        /// The epoch of the chain when that was found out.
        epoch_at_start: walrus_core::Epoch,
    },
    /// In the committee, but shards lack slivers.
    Recovery,
    /// The storage can no longer be written; the process is about to end. Nothing follows.
    StorageFailed,
}

impl NodePhase {
    /// Whether events of epochs that are over are being replayed.
    pub const fn is_catch_up(self) -> bool {
        matches!(self, Self::CatchUp | Self::CatchUpIncomplete { .. })
    }

    /// The number of the status in metrics.
    pub const fn number(self) -> u64 {
        match self {
            Self::Standby => 0,
            Self::Active => 1,
            Self::RecoverMetadata => 2,
            Self::CatchUp => 3,
            Self::Recovery => 4,
            Self::CatchUpIncomplete { .. } => 5,
            Self::StorageFailed => 6,
        }
    }

    /// The text of the health report; `epoch` is the one being worked for.
    pub fn text(self, epoch: walrus_core::Epoch) -> String {
        match self {
            Self::Standby => "Standby".to_owned(),
            Self::Active => "Active".to_owned(),
            Self::RecoverMetadata => "RecoverMetadata".to_owned(),
            Self::CatchUp => "RecoveryCatchUp".to_owned(),
            Self::CatchUpIncomplete {
                first_complete_epoch,
                epoch_at_start,
            } => format!(
                "RecoveryCatchUpWithIncompleteHistory (first complete epoch: {first_complete_epoch}, epoch at start: \
                 {epoch_at_start})"
            ),
            Self::Recovery => format!("RecoveryInProgress ({epoch})"),
            Self::StorageFailed => "StorageFailed".to_owned(),
        }
    }
}

/// A snapshot of the progress.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProgressSnapshot {
    /// Phase of the node.
    pub phase: NodePhase,
    /// Latest checkpoint processed.
    pub checkpoint: Option<u64>,
    /// Counters of the event stream.
    pub events: EventProgress,
    /// The last checkpoint of the event blobs being replayed, while they are.
    pub catching_up_to: Option<u64>,
    /// The latest checkpoint of the chain when the node started, once the chain has said so.
    pub checkpoint_at_start: Option<u64>,
}

impl ProgressSnapshot {
    /// The phase as others are told it. Who replays event blobs is not up to date, whatever epoch
    /// they are of; and who has not processed yet what there was when it started is not active,
    /// although it has entered the epoch.
    pub fn reported_phase(&self) -> NodePhase {
        match self.phase {
            NodePhase::Standby | NodePhase::Active if self.catching_up_to.is_some() => {
                NodePhase::CatchUp
            }
            NodePhase::Active if self.checkpoint < self.checkpoint_at_start => NodePhase::CatchUp,
            phase => phase,
        }
    }
}

/// A chain that does not answer.
#[derive(Debug, Clone)]
pub struct ChainAway {
    /// When that was noticed.
    pub since: Instant,
    /// The first failure.
    pub reason: String,
}

/// Shared, updated by event processing.
#[derive(Debug, Default)]
pub struct Progress {
    snapshot: RwLock<ProgressSnapshot>,
    chain_away: Mutex<Option<ChainAway>>,
    recovery: Mutex<Option<RecoveryProgress>>,
}

impl Progress {
    /// The present state.
    pub fn get(&self) -> ProgressSnapshot {
        *self.snapshot.read()
    }

    /// Set while the chain does not answer.
    pub fn chain_away(&self) -> Option<ChainAway> {
        self.chain_away.lock().clone()
    }

    /// Notes that the chain does not answer; returns whether that is news.
    pub fn chain_failed(&self, reason: String) -> bool {
        let mut away = self.chain_away.lock();
        let is_news = away.is_none();
        away.get_or_insert_with(|| ChainAway {
            since: Instant::now(),
            reason,
        });
        is_news
    }

    /// Notes that the chain answers; returns what was if that is news.
    pub fn chain_answered(&self) -> Option<ChainAway> {
        self.chain_away.lock().take()
    }

    /// How far the work on shards that lack slivers is, while some is going on.
    pub fn recovery(&self) -> Option<RecoveryProgress> {
        *self.recovery.lock()
    }

    /// Notes how far that work is, or that none is going on.
    pub fn set_recovery(&self, recovery: Option<RecoveryProgress>) {
        *self.recovery.lock() = recovery;
    }

    /// Changes the state.
    pub fn update(&self, change: impl FnOnce(&mut ProgressSnapshot)) {
        let mut progress = self.snapshot.write();
        let failed = progress.phase == NodePhase::StorageFailed;
        change(&mut progress);
        if failed {
            progress.phase = NodePhase::StorageFailed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_is_who_has_processed_what_there_was_at_its_start() {
        let mut progress = ProgressSnapshot::default();
        assert_eq!(progress.reported_phase(), NodePhase::Standby);
        progress.checkpoint_at_start = Some(7);
        assert_eq!(progress.reported_phase(), NodePhase::Standby);
        progress.phase = NodePhase::Active;
        for (checkpoint, phase) in [
            (None, NodePhase::CatchUp),
            (Some(6), NodePhase::CatchUp),
            (Some(7), NodePhase::Active),
            (Some(8), NodePhase::Active),
        ] {
            progress.checkpoint = checkpoint;
            assert_eq!(progress.reported_phase(), phase, "{checkpoint:?}");
        }
        progress.checkpoint_at_start = None;
        assert_eq!(progress.reported_phase(), NodePhase::Active);
        progress.catching_up_to = Some(9);
        assert_eq!(progress.reported_phase(), NodePhase::CatchUp);
    }
}
