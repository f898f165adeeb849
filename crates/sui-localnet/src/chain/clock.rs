//! Chain time: it follows the machine's clock at a distance, never goes back, and can be moved
//! ahead.

use crate::ledger::{StoreError, Tip};
use std::time::UNIX_EPOCH;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// Furthest that time is moved ahead at once: ten years.
const ADVANCE_MS_MAX: u64 = 3_653 * DAY_MS;
/// Furthest that chain time is moved ahead of the machine's clock: a thousand years.
const OFFSET_MS_MAX: u64 = 365_250 * DAY_MS;
/// When the machine's clock is set back by up to this, chain time waits for it.
const SET_BACK_MS_MAX: u64 = 10_000;

/// Why chain time was not moved.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// Too far at once.
    #[error("time can be moved ahead by at most {ADVANCE_MS_MAX} ms at once, not by {0} ms")]
    TooFar(u64),
    /// Too far in all.
    #[error("time cannot be moved further: it would be more than a thousand years ahead")]
    TooFarAhead,
    /// The checkpoint that moves it could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The time of the next checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChainTime {
    /// In milliseconds since the Unix epoch.
    pub(super) timestamp_ms: u64,
    /// How far it is ahead of the machine's clock.
    pub(super) offset_ms: u64,
}

impl ChainTime {
    /// Time now, `wall_ms` by the machine's clock, on a chain that ends with `tip`.
    pub(super) fn now(tip: &Tip, wall_ms: u64) -> Self {
        Self::after(
            tip.checkpoint.summary.timestamp_ms,
            tip.clock_offset_ms,
            wall_ms,
        )
    }

    /// The distance is kept, so that time passes as it does for the machine. Where that would take
    /// time back, because the machine's clock was set back, time goes on from where it was.
    fn after(previous_ms: u64, offset_ms: u64, wall_ms: u64) -> Self {
        let timestamp_ms = wall_ms.saturating_add(offset_ms);
        let behind = previous_ms.saturating_sub(timestamp_ms);
        if behind > SET_BACK_MS_MAX {
            Self {
                timestamp_ms: previous_ms,
                offset_ms: previous_ms.saturating_sub(wall_ms),
            }
        } else {
            Self {
                timestamp_ms: timestamp_ms.max(previous_ms),
                offset_ms,
            }
        }
    }

    /// The same time `ms` later.
    pub(super) fn advanced(self, ms: u64) -> Result<Self, ClockError> {
        if ms > ADVANCE_MS_MAX {
            return Err(ClockError::TooFar(ms));
        }
        let offset_ms = self.offset_ms.saturating_add(ms);
        if ms > 0 && offset_ms > OFFSET_MS_MAX {
            return Err(ClockError::TooFarAhead);
        }
        Ok(Self {
            timestamp_ms: self.timestamp_ms.saturating_add(ms),
            offset_ms,
        })
    }
}

/// Milliseconds since the Unix epoch by the machine's clock.
pub(super) fn wall_clock_ms() -> u64 {
    ambient::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|elapsed| u64::try_from(elapsed.as_millis()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    #[test]
    fn time_goes_on_from_where_it_was_when_the_clock_is_set_back() {
        // The machine was 400 days ahead when the last checkpoint was sealed.
        let ahead = NOW + 400 * DAY_MS;
        let first = ChainTime::after(ahead, 0, NOW);
        assert_eq!(first.timestamp_ms, ahead);
        let second = ChainTime::after(first.timestamp_ms, first.offset_ms, NOW + 5_000);
        assert_eq!(second.timestamp_ms, ahead + 5_000);
    }

    #[test]
    fn small_corrections_of_the_clock_leave_the_distance() {
        let time = ChainTime::after(NOW + 300, 0, NOW);
        let expected = ChainTime {
            timestamp_ms: NOW + 300,
            offset_ms: 0,
        };
        assert_eq!(time, expected);
    }

    #[test]
    fn moving_time_is_bounded() {
        let time = ChainTime::after(0, 0, NOW);
        let day = time.advanced(DAY_MS).expect("a day");
        assert_eq!(day.timestamp_ms, NOW + DAY_MS);
        for ms in [u64::MAX, ADVANCE_MS_MAX + 1] {
            assert!(matches!(time.advanced(ms), Err(ClockError::TooFar(_))));
        }
        let mut far = time;
        while let Ok(further) = far.advanced(ADVANCE_MS_MAX) {
            far = further;
        }
        assert!(far.offset_ms <= OFFSET_MS_MAX);
        assert_eq!(far.advanced(0).expect("now"), far);
    }
}
