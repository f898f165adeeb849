//! How long a blob is kept, in the ways a person may say it.

use walrus_core::{Epoch, EpochCount};
use walrus_sui::{EpochInfo, EpochState};

use crate::error::ClientError;

/// How long a blob is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageDuration {
    /// This many epochs, the current one included.
    Epochs(EpochCount),
    /// As long as the network sells.
    Max,
    /// Until the start of this epoch.
    EndEpoch(Epoch),
    /// At least until this time, in milliseconds since 1970.
    EarliestExpiry {
        /// The time.
        unix_ms: u64,
    },
}

impl StorageDuration {
    /// The number of epochs to buy, the current one included. `now_ms` is the present in
    /// milliseconds since 1970.
    pub(crate) fn epochs_ahead(
        self,
        info: &EpochInfo,
        max: EpochCount,
        now_ms: u64,
    ) -> Result<EpochCount, ClientError> {
        let epochs = match self {
            Self::Epochs(count) => u64::from(count),
            Self::Max => u64::from(max),
            Self::EndEpoch(end_epoch) => u64::from(end_epoch.saturating_sub(info.epoch)),
            Self::EarliestExpiry { unix_ms } => {
                if unix_ms <= now_ms {
                    return Err(ClientError::ExpiryTimePassed);
                }
                let start_ms = epoch_start_ms(info, now_ms);
                unix_ms.saturating_sub(start_ms) / info.epoch_duration_ms.max(1) + 1
            }
        };
        if let (Self::EndEpoch(end_epoch), 0) = (self, epochs) {
            return Err(ClientError::EndEpochPassed {
                end_epoch,
                current_epoch: info.epoch,
            });
        }
        let too_many = || ClientError::TooManyEpochs {
            requested: epochs,
            max,
        };
        match EpochCount::try_from(epochs) {
            Ok(count) if count <= max => Ok(count),
            _ => Err(too_many()),
        }
    }
}

/// When epochs will begin, as far as can be told now. All times are in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochOutlook {
    epoch: Epoch,
    /// Earliest begin of the next epoch.
    next_ms: u64,
    duration_ms: u64,
    /// The next epoch should have begun before now.
    pub is_overdue: bool,
}

impl EpochOutlook {
    /// The outlook at the time `now_ms`.
    pub fn new(info: &EpochInfo, now_ms: u64) -> Self {
        let due_ms = epoch_start_ms(info, now_ms).saturating_add(info.epoch_duration_ms);
        Self {
            epoch: info.epoch,
            next_ms: due_ms.max(now_ms),
            duration_ms: info.epoch_duration_ms,
            is_overdue: due_ms < now_ms,
        }
    }

    /// The current epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The earliest time at which a later epoch begins, if epochs keep their length; never in the
    /// past. `None` for epochs that have begun.
    pub fn begin_ms(&self, epoch: Epoch) -> Option<u64> {
        let after_next = epoch.checked_sub(self.epoch)?.checked_sub(1)?;
        let wait_ms = self.duration_ms.saturating_mul(u64::from(after_next));
        Some(self.next_ms.saturating_add(wait_ms))
    }
}

/// When the current epoch began; while the change is in progress, now.
fn epoch_start_ms(info: &EpochInfo, now_ms: u64) -> u64 {
    match info.state {
        EpochState::ChangeDone { since_ms } | EpochState::NextParamsSelected { since_ms } => {
            since_ms
        }
        EpochState::ChangeSync { .. } => now_ms,
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::NShards;

    use super::*;

    const DAY_MS: u64 = 86_400_000;
    const START_MS: u64 = 1_000 * DAY_MS;

    fn info() -> EpochInfo {
        EpochInfo {
            epoch: 10,
            state: EpochState::ChangeDone { since_ms: START_MS },
            epoch_duration_ms: DAY_MS,
            first_epoch_start_ms: 0,
            n_shards: NShards::new(10).unwrap(),
            max_epochs_ahead: 53,
        }
    }

    fn epochs(duration: StorageDuration) -> Result<EpochCount, String> {
        duration
            .epochs_ahead(&info(), 53, START_MS + 10)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_form_becomes_a_count() {
        assert_eq!(epochs(StorageDuration::Epochs(3)), Ok(3));
        assert_eq!(epochs(StorageDuration::Max), Ok(53));
        assert_eq!(epochs(StorageDuration::EndEpoch(11)), Ok(1));
        let at = |unix_ms| epochs(StorageDuration::EarliestExpiry { unix_ms });
        assert_eq!(at(START_MS + 11), Ok(1));
        assert_eq!(at(START_MS + DAY_MS - 1), Ok(1));
        assert_eq!(at(START_MS + DAY_MS), Ok(2));
    }

    #[test]
    fn the_past_and_the_far_future_are_refused() {
        assert_eq!(
            epochs(StorageDuration::EndEpoch(10)).unwrap_err(),
            "epoch 10 is not in the future: now is epoch 10"
        );
        assert!(epochs(StorageDuration::EarliestExpiry { unix_ms: START_MS }).is_err());
        assert_eq!(
            epochs(StorageDuration::Epochs(54)).unwrap_err(),
            "storage can be bought for at most 53 epochs ahead, 54 were asked for"
        );
        assert!(epochs(StorageDuration::EarliestExpiry { unix_ms: u64::MAX }).is_err());
    }

    #[test]
    fn epochs_to_come_never_begin_in_the_past() {
        let on_time = EpochOutlook::new(&info(), START_MS + 10);
        assert!(!on_time.is_overdue);
        assert_eq!(on_time.begin_ms(11), Some(START_MS + DAY_MS));
        assert_eq!(on_time.begin_ms(13), Some(START_MS + 3 * DAY_MS));
        assert_eq!((on_time.begin_ms(10), on_time.begin_ms(0)), (None, None));
        let now_ms = START_MS + 5 * DAY_MS;
        let late = EpochOutlook::new(&info(), now_ms);
        assert!(late.is_overdue);
        assert_eq!(late.begin_ms(11), Some(now_ms));
        assert_eq!(late.begin_ms(12), Some(now_ms + DAY_MS));
        assert_eq!(late.begin_ms(Epoch::MAX).map(|ms| ms > now_ms), Some(true));
    }

    #[test]
    fn during_a_change_the_epoch_starts_now() {
        let changing = EpochInfo {
            state: EpochState::ChangeSync { attested: 3 },
            ..info()
        };
        assert_eq!(epoch_start_ms(&changing, 77), 77);
        assert_eq!(epoch_start_ms(&info(), 77), START_MS);
    }
}
