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
    /// The number of epochs to buy, the current one included. `now_ms` is the present in milliseconds
    /// since 1970.
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

/// When the current epoch began; while the change is in progress, now.
pub fn epoch_start_ms(info: &EpochInfo, now_ms: u64) -> u64 {
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
    fn during_a_change_the_epoch_starts_now() {
        let changing = EpochInfo {
            state: EpochState::ChangeSync { attested: 3 },
            ..info()
        };
        assert_eq!(epoch_start_ms(&changing, 77), 77);
        assert_eq!(epoch_start_ms(&info(), 77), START_MS);
    }
}
