//! Moving the epoch on: makes the calls of the [`schedule`] when they are due.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ambient::pauses::doubled;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    chain::{ChainError, ChainView},
    epoch::{EpochCall, ScheduledCall, schedule},
    state::NodeState,
};

/// Longest time between two looks at the chain, for changes whose events do not arrive.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// Shortest time between two looks, for the shortest epochs.
const LOOK_INTERVAL_MIN: Duration = Duration::from_millis(250);

/// The time between two looks while no call is due, as a part of the epoch.
const LOOKS_PER_EPOCH: u32 = 8;

/// Pause after the first failure of a call, and the longest one.
const BACK_OFF_MIN: Duration = Duration::from_secs(5);
const BACK_OFF_MAX: Duration = Duration::from_secs(5 * 60);

/// The same as parts of the epoch, so that short epochs do not end during a pause.
const BACK_OFF_MIN_PARTS: u32 = 20;
const BACK_OFF_MAX_PARTS: u32 = 2;

/// Makes the calls that move epochs on, until stopped. Needs a wallet with gas, and no capability.
pub(crate) async fn drive_epochs(
    state: Arc<NodeState>,
    chain: Arc<dyn ChainView>,
    stop: CancellationToken,
) {
    if !chain.can_send() {
        warn!(
            "no wallet is configured: this node does not move epochs on and attests none. Set sui.wallet_config to a wallet \
             that has SUI and owns the storage_node_cap"
        );
        return;
    }
    let mut driver = Driver {
        state,
        chain,
        failures: BTreeMap::new(),
    };
    loop {
        let pause = driver.step().await;
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = driver.state.epoch_moved() => driver.failures.clear(),
            () = sleep(pause) => {}
        }
    }
}

struct Driver {
    state: Arc<NodeState>,
    chain: Arc<dyn ChainView>,
    /// Calls that failed: how often in a row, and when they are tried again.
    failures: BTreeMap<EpochCall, (u32, Instant)>,
}

impl Driver {
    /// Makes the calls that are due; returns the time until there is something to do again.
    async fn step(&mut self) -> Duration {
        let moment = match self.chain.moment().await {
            Ok(moment) => moment,
            Err(error) => {
                self.state.chain_failed(&error);
                return BACK_OFF_MIN;
            }
        };
        let duration = Duration::from_millis(moment.info.epoch_duration_ms);
        let mut pause = (duration / LOOKS_PER_EPOCH).clamp(LOOK_INTERVAL_MIN, LOOK_INTERVAL_MAX);
        for next in schedule(&moment, self.seed()) {
            let wait = Duration::from_millis(next.due_ms.saturating_sub(moment.now_ms));
            let wait = wait.max(self.time_to_retry(next.call));
            if !wait.is_zero() {
                pause = pause.min(wait);
                continue;
            }
            match self.chain.advance(next.call).await {
                Ok(()) => {
                    info!(epoch = next.epoch, call = ?next.call, "moved the epoch on");
                    self.failures.remove(&next.call);
                    return Duration::ZERO;
                }
                Err(error) => pause = pause.min(self.failed(duration, next, &error)),
            }
        }
        pause
    }

    fn time_to_retry(&self, call: EpochCall) -> Duration {
        self.failures.get(&call).map_or(Duration::ZERO, |(_, at)| {
            at.saturating_duration_since(Instant::now())
        })
    }

    /// Notes a failure; returns the time after which the call is made again.
    fn failed(&mut self, epoch: Duration, made: ScheduledCall, error: &ChainError) -> Duration {
        let ScheduledCall {
            call, epoch: of, ..
        } = made;
        let failures = self.failures.get(&call).map_or(0, |(count, _)| *count);
        match error {
            // Another node was faster, or the chain's clock is not quite there.
            ChainError::NothingToDo(reason) => {
                debug!(epoch = of, ?call, reason, "nothing to move on");
            }
            ChainError::Unavailable(_) => self.state.chain_failed(error),
            _ if failures == 0 => {
                warn!(epoch = of, ?call, %error, "cannot move the epoch on; trying again");
            }
            _ => debug!(epoch = of, ?call, %error, "cannot move the epoch on; trying again"),
        }
        let pause = back_off(epoch, failures);
        let next = (failures.saturating_add(1), Instant::now() + pause);
        self.failures.insert(call, next);
        pause
    }

    /// What makes this node's times differ from those of the others.
    fn seed(&self) -> [u8; 32] {
        if let Some(node_id) = self.state.view().node_id {
            return node_id.0;
        }
        let mut seed = [0; 32];
        let key = self.state.public_key();
        seed.copy_from_slice(&key.0[..32]);
        seed
    }
}

/// 5 s to 5 min, doubling; less in short epochs.
fn back_off(epoch: Duration, failures: u32) -> Duration {
    let min = BACK_OFF_MIN.min(epoch / BACK_OFF_MIN_PARTS);
    let max = BACK_OFF_MAX.min(epoch / BACK_OFF_MAX_PARTS);
    doubled(min, max, failures).max(LOOK_INTERVAL_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_between_their_bounds_and_shrink_with_the_epoch() {
        let hour = Duration::from_secs(3_600);
        let pauses: Vec<u64> = (0..9).map(|n| back_off(hour, n).as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(back_off(hour, u32::MAX), BACK_OFF_MAX);
        let short = Duration::from_secs(20);
        assert_eq!(back_off(short, 0), Duration::from_secs(1));
        assert_eq!(back_off(short, 30), Duration::from_secs(10));
        assert_eq!(back_off(Duration::ZERO, 0), LOOK_INTERVAL_MIN);
    }
}
