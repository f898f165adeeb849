//! Giving memory back after a load.
//!
//! Two things keep memory when the work is done: the index, which holds in memory what is only in
//! its journal, and the allocator, which keeps what was freed between buffers that are in use. So
//! once nothing has moved for a while the index writes its tables, and the allocator is asked to
//! give back what is free then.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::storage::{Storage, run_blocking};

/// How often is looked whether anything has moved. Nothing has when two looks see the same.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes that have moved before it is worth while.
const MOVED_BYTES_MIN: u64 = 4 << 20;

/// What a node that rests does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The index writes its tables.
    Settle,
    /// The allocator gives back what is free.
    GiveBack,
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Rest {
    /// Bytes that had moved by the last look.
    seen: u64,
    /// Bytes that had moved by the last rest.
    rested: u64,
    is_settled: bool,
}

impl Rest {
    /// What to do now that so many bytes have moved.
    fn look(&mut self, moved: u64) -> Option<Step> {
        let is_quiet = moved == self.seen;
        self.seen = moved;
        if !is_quiet {
            self.is_settled = false;
            return None;
        }
        if moved.saturating_sub(self.rested) < MOVED_BYTES_MIN {
            return None;
        }
        if !self.is_settled {
            self.is_settled = true;
            return Some(Step::Settle);
        }
        self.is_settled = false;
        self.rested = moved;
        Some(Step::GiveBack)
    }
}

/// Gives memory back whenever a load is over.
pub(super) async fn rest_after_work(storage: Storage, stop: CancellationToken) {
    let mut rest = Rest::default();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = sleep(LOOK_INTERVAL) => {}
        }
        let done = match rest.look(storage.moved_bytes()) {
            Some(Step::Settle) => storage.settle().await,
            Some(Step::GiveBack) => {
                debug!("memory that is free is given back");
                run_blocking(walrus_encoder::memory::give_back_free_memory).await
            }
            None => Ok(()),
        };
        if let Err(error) = done {
            warn!(%error, "cannot give memory back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_followed_by_one_rest() {
        let mut rest = Rest::default();
        let looks = [
            (0, None),
            (1, None),
            // Too little.
            (1, None),
            (MOVED_BYTES_MIN, None),
            (MOVED_BYTES_MIN, Some(Step::Settle)),
            // It was not over.
            (2 * MOVED_BYTES_MIN, None),
            (2 * MOVED_BYTES_MIN, Some(Step::Settle)),
            (2 * MOVED_BYTES_MIN, Some(Step::GiveBack)),
            (2 * MOVED_BYTES_MIN, None),
            (2 * MOVED_BYTES_MIN + 1, None),
            (2 * MOVED_BYTES_MIN + 1, None),
        ];
        for (position, (moved, step)) in looks.into_iter().enumerate() {
            assert_eq!(rest.look(moved), step, "look {position}");
        }
    }
}
