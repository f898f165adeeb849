//! Times of the chain and of epochs, as people read them.

use walrus_client::EpochOutlook;
use walrus_core::Epoch;

/// Beginnings closer than this are shown to the minute, in ms.
const MINUTES_WITHIN_MS: u64 = 7 * 86_400_000;

/// A time in milliseconds since 1970. `None` beyond the calendar.
pub(crate) fn timestamp(unix_ms: u64) -> Option<jiff::Timestamp> {
    let unix_ms = i64::try_from(unix_ms).ok()?;
    jiff::Timestamp::from_millisecond(unix_ms).ok()
}

/// An epoch and when it is expected to begin, in UTC: `12 (2026-12-13)`, or `12 (2026-12-01 14:05)`
/// if it is near.
pub(crate) fn epoch_text(epoch: Epoch, outlook: &EpochOutlook) -> String {
    let Some(begin_ms) = outlook.begin_ms(epoch) else {
        return epoch.to_string();
    };
    let next_ms = outlook.begin_ms(outlook.epoch().saturating_add(1));
    let is_near =
        next_ms.is_some_and(|next_ms| begin_ms < next_ms.saturating_add(MINUTES_WITHIN_MS));
    let format = if is_near {
        "%Y-%m-%d %H:%M"
    } else {
        "%Y-%m-%d"
    };
    match timestamp(begin_ms) {
        Some(begin) => format!("{epoch} ({})", begin.strftime(format)),
        None => epoch.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::NShards;
    use walrus_sui::{EpochInfo, EpochState};

    use super::*;

    #[test]
    fn epochs_have_their_dates_beside_them() {
        let info = EpochInfo {
            epoch: 10,
            state: EpochState::ChangeDone {
                since_ms: 1_700_000_000_000,
            },
            epoch_duration_ms: 3 * 86_400_000,
            first_epoch_start_ms: 0,
            n_shards: NShards::new(10).unwrap(),
            max_epochs_ahead: 53,
        };
        let outlook = EpochOutlook::new(&info, 1_700_000_000_000);
        for (epoch, text) in [
            (9, "9"),
            (10, "10"),
            (11, "11 (2023-11-17 22:13)"),
            (30, "30 (2024-01-13)"),
        ] {
            assert_eq!(epoch_text(epoch, &outlook), text);
        }
        assert_eq!(epoch_text(Epoch::MAX, &outlook), Epoch::MAX.to_string());
    }
}
