//! How far a pass over all blobs is.

use std::time::Duration;

use tokio::time::Instant;
use walrus_core::BlobId;

/// Parts of the whole before which nothing is said about the rest.
const SHARE_MIN: f64 = 0.001;

/// A pass over all blobs in the order of their IDs.
///
/// Blob IDs are hashes, so the place of an ID among all possible ones tells which part of the blobs
/// comes before it. Nobody has to count them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    started: Instant,
    after: Option<BlobId>,
}

impl Pass {
    /// A pass that begins now.
    pub(super) fn begin(now: Instant) -> Self {
        Self {
            started: now,
            after: None,
        }
    }

    /// The last blob that was looked at; `None` at the beginning.
    pub(super) fn after(&self) -> Option<BlobId> {
        self.after
    }

    /// Goes on to `after`; `None` begins the next pass.
    pub(super) fn advance(&mut self, after: Option<BlobId>, now: Instant) {
        if after.is_none() {
            self.started = now;
        }
        self.after = after;
    }

    /// The part that is done.
    fn share(&self) -> f64 {
        let Some(BlobId(id)) = self.after else {
            return 0.0;
        };
        f64::from(u32::from_be_bytes([id[0], id[1], id[2], id[3]])) / f64::from(u32::MAX)
    }

    /// The part that is done in percent.
    pub(super) fn percent(&self) -> u8 {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share is between 0 and 1"
        )]
        let percent = (self.share() * 100.0) as u8;
        percent
    }

    /// Time the rest takes at the speed so far.
    pub(super) fn time_left(&self, now: Instant) -> Option<Duration> {
        let share = self.share();
        let elapsed = now.saturating_duration_since(self.started);
        (share > SHARE_MIN).then(|| elapsed.mul_f64((1.0 - share) / share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_an_id_tells_what_is_left() {
        let start = Instant::now();
        let mut pass = Pass::begin(start);
        assert_eq!((pass.percent(), pass.time_left(start)), (0, None));
        let mut quarter = BlobId([0; 32]);
        quarter.0[0] = 0x40;
        let now = start + Duration::from_secs(10);
        pass.advance(Some(quarter), now);
        assert_eq!(pass.percent(), 25);
        assert_eq!(pass.time_left(now).unwrap().as_secs(), 29);
        pass.advance(Some(BlobId([0xff; 32])), now);
        assert_eq!(pass.percent(), 100);
        assert_eq!(pass.time_left(now), Some(Duration::ZERO));
        pass.advance(None, now);
        assert_eq!((pass.percent(), pass.after()), (0, None));
    }
}
