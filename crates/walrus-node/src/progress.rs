//! How far event processing is, for health and metrics.

use std::sync::{PoisonError, RwLock};

use walrus_core::node_api::EventProgress;

/// Phase of the node's life, as the health report names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NodePhase {
    /// Up to date, but not in the committee.
    #[default]
    Standby,
    /// Up to date and in the committee.
    Active,
    /// Replaying events of epochs that are over.
    CatchUp,
    /// In the committee, but shards lack slivers.
    Recovery,
}

impl NodePhase {
    /// The number of the status in metrics.
    pub const fn number(self) -> u64 {
        match self {
            Self::Standby => 0,
            Self::Active => 1,
            Self::CatchUp => 3,
            Self::Recovery => 4,
        }
    }

    /// The text of the health report; `epoch` is the one being worked for.
    pub fn text(self, epoch: walrus_core::Epoch) -> String {
        match self {
            Self::Standby => "Standby".to_owned(),
            Self::Active => "Active".to_owned(),
            Self::CatchUp => "RecoveryCatchUp".to_owned(),
            Self::Recovery => format!("RecoveryInProgress ({epoch})"),
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
}

/// Shared, updated by event processing.
#[derive(Debug, Default)]
pub struct Progress(RwLock<ProgressSnapshot>);

impl Progress {
    /// The present state.
    pub fn get(&self) -> ProgressSnapshot {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state.
    pub fn update(&self, change: impl FnOnce(&mut ProgressSnapshot)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}
