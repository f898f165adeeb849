//! What moves the epoch on next, and when.

use walrus_core::{Epoch, bft};

use crate::{committee::EpochState, deployment::EpochInfo};

/// What moves an epoch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochStep {
    /// Nodes with a quorum of shards attest that they hold them.
    Sync {
        /// Shards attested so far.
        attested: u16,
        /// Shards still missing to a quorum.
        missing: u16,
    },
    /// Anybody ends the voting, which selects the next committee.
    EndVoting,
    /// Anybody starts the next epoch.
    ChangeEpoch,
}

/// The next step of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextStep {
    /// What has to be done.
    pub step: EpochStep,
    /// When it can be done, in ms since 1970. The step that waits for nodes has no time.
    pub not_before_ms: Option<u64>,
}

impl NextStep {
    /// The next step in the state of `info`.
    pub fn of(info: &EpochInfo) -> Self {
        let after = |since_ms: u64, duration_ms: u64| {
            Some(if info.epoch == 0 {
                info.first_epoch_start_ms
            } else {
                since_ms.saturating_add(duration_ms)
            })
        };
        match info.state {
            EpochState::ChangeSync { attested } => Self {
                step: EpochStep::Sync {
                    attested,
                    missing: bft::min_correct(info.n_shards).saturating_sub(attested),
                },
                not_before_ms: None,
            },
            EpochState::ChangeDone { since_ms } => Self {
                step: EpochStep::EndVoting,
                not_before_ms: after(since_ms, info.epoch_duration_ms / 2),
            },
            EpochState::NextParamsSelected { since_ms } => Self {
                step: EpochStep::ChangeEpoch,
                not_before_ms: after(since_ms, info.epoch_duration_ms),
            },
        }
    }

    /// How long the step has to wait at the time `now_ms`, in ms: 0 if it is due, `None` if no time
    /// decides.
    pub fn wait_ms(&self, now_ms: u64) -> Option<u64> {
        Some(self.not_before_ms?.saturating_sub(now_ms))
    }

    /// True if anybody can do the step now.
    pub fn is_due(&self, now_ms: u64) -> bool {
        self.wait_ms(now_ms) == Some(0)
    }
}

/// About when `epoch` starts, in ms since 1970, if nobody is late; `now_ms` if it has started.
///
/// An epoch lasts from the moment its nodes are in sync, so every start is a little later than
/// this.
pub fn epoch_start_ms(info: &EpochInfo, epoch: Epoch, now_ms: u64) -> u64 {
    let Some(ahead) = epoch.checked_sub(info.epoch).filter(|ahead| *ahead > 0) else {
        return now_ms;
    };
    let next = match info.state {
        _ if info.epoch == 0 => info.first_epoch_start_ms,
        EpochState::ChangeSync { .. } => now_ms.saturating_add(info.epoch_duration_ms),
        EpochState::ChangeDone { since_ms } | EpochState::NextParamsSelected { since_ms } => {
            since_ms.saturating_add(info.epoch_duration_ms)
        }
    };
    let later = info
        .epoch_duration_ms
        .saturating_mul(u64::from(ahead.saturating_sub(1)));
    next.max(now_ms).saturating_add(later)
}

#[cfg(test)]
mod tests {
    use walrus_core::NShards;

    use super::*;

    const HOUR_MS: u64 = 3_600_000;
    const T: u64 = 1_000 * HOUR_MS;

    fn info(epoch: Epoch, state: EpochState) -> EpochInfo {
        EpochInfo {
            epoch,
            state,
            epoch_duration_ms: HOUR_MS,
            first_epoch_start_ms: T + 5,
            n_shards: NShards::new(10).unwrap(),
            max_epochs_ahead: 53,
        }
    }

    #[test]
    fn voting_ends_at_half_and_the_epoch_at_its_end() {
        let done = NextStep::of(&info(3, EpochState::ChangeDone { since_ms: T }));
        assert_eq!(done.step, EpochStep::EndVoting);
        assert!(!done.is_due(T + HOUR_MS / 2 - 1));
        assert_eq!(done.wait_ms(T), Some(HOUR_MS / 2));
        assert!(done.is_due(T + HOUR_MS / 2));

        let selected = NextStep::of(&info(3, EpochState::NextParamsSelected { since_ms: T }));
        assert_eq!(selected.step, EpochStep::ChangeEpoch);
        assert!(!selected.is_due(T + HOUR_MS - 1));
        assert!(selected.is_due(T + HOUR_MS));
    }

    #[test]
    fn epoch_zero_waits_for_its_own_end() {
        for state in [
            EpochState::ChangeDone { since_ms: T },
            EpochState::NextParamsSelected { since_ms: T },
        ] {
            let next = NextStep::of(&info(0, state));
            assert_eq!(next.not_before_ms, Some(T + 5));
        }
    }

    #[test]
    fn sync_waits_for_nodes() {
        let next = NextStep::of(&info(2, EpochState::ChangeSync { attested: 3 }));
        assert_eq!(
            next.step,
            EpochStep::Sync {
                attested: 3,
                missing: 4
            }
        );
        assert_eq!(next.wait_ms(u64::MAX), None);
        assert!(!next.is_due(u64::MAX));
    }

    #[test]
    fn starts_of_epochs_are_estimated() {
        let info = info(3, EpochState::ChangeDone { since_ms: T });
        assert_eq!(epoch_start_ms(&info, 3, T + 7), T + 7);
        assert_eq!(epoch_start_ms(&info, 1, T + 7), T + 7);
        assert_eq!(epoch_start_ms(&info, 4, T + 7), T + HOUR_MS);
        assert_eq!(epoch_start_ms(&info, 6, T + 7), T + 3 * HOUR_MS);
        // A late change starts now at the earliest.
        assert_eq!(epoch_start_ms(&info, 4, T + 2 * HOUR_MS), T + 2 * HOUR_MS);
    }
}
