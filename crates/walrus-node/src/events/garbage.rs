//! Deleting the data of blobs nobody pays for any more.
//!
//! Not at once: nodes that are still copying shards can finish, a blob can be registered again,
//! and not all nodes work on it at the same time. The wait ends at a time of the epoch that follows
//! from the node's key alone, so a restart does not change it.

use std::{sync::Arc, time::Duration};

use ambient::TaskTracker;
use stdx::Mutex;
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use walrus_core::{BlobId, Epoch, hash::blake2b256};
use walrus_sui::EpochState;

use crate::{chain::ChainView, epoch::Moment, state::NodeState, storage::StorageError};

/// Blobs looked at per step.
const BATCH: usize = 2_000;

/// Pause before trying again after a failure.
const RETRY_DELAY: Duration = Duration::from_secs(30);

/// When data is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletionRule {
    /// Whether it is at all.
    pub is_on: bool,
    /// Whether the node waits a while after the beginning of the epoch.
    pub is_delayed: bool,
    /// The longest wait; half an epoch if absent.
    pub window: Option<Duration>,
}

impl DeletionRule {
    /// How long after the beginning of `epoch` the node with this key deletes, if epochs last
    /// `duration`.
    fn delay(&self, public_key: &[u8], epoch: Epoch, duration: Duration) -> Duration {
        if !self.is_delayed {
            return Duration::ZERO;
        }
        let digest = blake2b256(&[&epoch.to_le_bytes(), public_key]);
        let share = u32::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes"));
        let window = self.window.unwrap_or(duration / 2);
        window.mul_f64(f64::from(share) / (f64::from(u32::MAX) + 1.0))
    }
}

/// Collects garbage once per epoch, in the background. An unfinished run is started again with the
/// node.
#[derive(Clone)]
pub struct GarbageCollector {
    state: Arc<NodeState>,
    chain: Arc<dyn ChainView>,
    rule: DeletionRule,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// The epoch to collect for while a run is going on.
    wanted: Arc<Mutex<Option<Epoch>>>,
    /// Told when that is another one.
    changed: Arc<Notify>,
}

impl GarbageCollector {
    pub(super) fn new(
        state: Arc<NodeState>,
        chain: Arc<dyn ChainView>,
        rule: DeletionRule,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self {
            state,
            chain,
            rule,
            tasks,
            stop,
            wanted: Arc::default(),
            changed: Arc::default(),
        }
    }

    /// Continues a run that an earlier process did not finish.
    pub fn resume(&self) {
        let epoch = self.state.epoch();
        match self.state.storage().index().gc_completed() {
            Ok(completed) if epoch > 0 && completed < Some(epoch) => self.collect(epoch),
            Ok(_) => {}
            Err(error) => warn!(%error, "cannot tell whether garbage was collected"),
        }
    }

    /// Collects the garbage of `epoch`. A run that is going on continues with the new epoch.
    pub fn collect(&self, epoch: Epoch) {
        if !self.rule.is_on {
            return;
        }
        let busy = self.wanted.lock().replace(epoch).is_some();
        if busy {
            self.changed.notify_one();
            return;
        }
        let collector = self.clone();
        self.tasks.spawn(async move { collector.run().await });
    }

    async fn run(&self) {
        loop {
            let Some(epoch) = *self.wanted.lock() else {
                return;
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.changed.notified() => continue,
                () = self.wait(epoch) => {}
            }
            match self.sweep(epoch).await {
                Ok(Some(removed)) => {
                    info!(epoch, removed, "garbage is collected");
                    let mut wanted = self.wanted.lock();
                    if *wanted == Some(epoch) {
                        *wanted = None;
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    warn!(epoch, %error, "cannot collect garbage; trying again");
                    tokio::select! {
                        biased;
                        () = self.stop.cancelled() => return,
                        () = sleep(RETRY_DELAY) => {}
                    }
                }
            }
        }
    }

    /// Waits until the time to delete in `epoch` has come.
    async fn wait(&self, epoch: Epoch) {
        if !self.rule.is_delayed {
            return;
        }
        loop {
            match self.chain.moment().await {
                Ok(moment) if moment.info.epoch > epoch => return,
                Ok(moment) => {
                    if let Some(left) = self.time_left(&moment, epoch) {
                        debug!(epoch, ?left, "garbage is collected later");
                        return sleep(left).await;
                    }
                }
                Err(error) => debug!(%error, "cannot tell when to collect garbage; trying again"),
            }
            sleep(RETRY_DELAY).await;
        }
    }

    /// Time until data is deleted in `epoch`; `None` while shards are still moving.
    fn time_left(&self, moment: &Moment, epoch: Epoch) -> Option<Duration> {
        let info = &moment.info;
        let (EpochState::ChangeDone { since_ms } | EpochState::NextParamsSelected { since_ms }) =
            info.state
        else {
            return None;
        };
        if info.epoch != epoch {
            return None;
        }
        let key = self.state.public_key();
        let duration = Duration::from_millis(info.epoch_duration_ms);
        let delay = self.rule.delay(key.as_ref(), epoch, duration);
        let passed = Duration::from_millis(moment.now_ms.saturating_sub(since_ms));
        Some(delay.saturating_sub(passed))
    }

    /// Deletes what is not registered in `epoch`; `None` when stopped before the end.
    async fn sweep(&self, epoch: Epoch) -> Result<Option<usize>, StorageError> {
        let storage = self.state.storage();
        let mut removed = 0;
        let mut after: Option<BlobId> = None;
        loop {
            let shards: Vec<_> = self.state.view().shards.keys().copied().collect();
            let (last, garbage) = storage
                .with_index(move |index| {
                    let blobs = index.stored_blobs(after, &shards, BATCH)?;
                    let last = blobs.last().copied();
                    let mut garbage = Vec::new();
                    for blob_id in blobs {
                        let registered = index
                            .blob(&blob_id)?
                            .is_some_and(|record| record.is_registered(epoch));
                        if !registered {
                            garbage.push(blob_id);
                        }
                    }
                    Ok((last, garbage))
                })
                .await?;
            for blob_id in garbage {
                if self.stop.is_cancelled() {
                    return Ok(None);
                }
                // Looks at the record again, under the lock that registrations take.
                removed += self.state.delete_unregistered(blob_id, epoch).await?;
            }
            let Some(last) = last else { break };
            after = Some(last);
        }
        storage
            .with_index(move |index| index.set_gc_completed(epoch))
            .await?;
        Ok(Some(removed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_a_time_of_its_own_within_the_window() {
        let day = Duration::from_secs(24 * 60 * 60);
        let rule = DeletionRule {
            is_on: true,
            is_delayed: true,
            window: None,
        };
        let delay = |key: u8, epoch| rule.delay(&[key; 48], epoch, day);
        assert_eq!(delay(1, 5), delay(1, 5));
        assert_ne!(delay(1, 5), delay(2, 5));
        assert_ne!(delay(1, 5), delay(1, 6));
        let delays: Vec<_> = (0..100).map(|key| delay(key, 5)).collect();
        assert!(delays.iter().all(|delay| *delay < day / 2));
        assert!(delays.iter().any(|delay| *delay < day / 8));
        assert!(delays.iter().any(|delay| *delay > day * 3 / 8));

        let window = Some(Duration::from_secs(10));
        let short = DeletionRule { window, ..rule };
        assert!(short.delay(&[1; 48], 5, day) < Duration::from_secs(10));
        let at_once = DeletionRule {
            is_delayed: false,
            ..rule
        };
        assert_eq!(at_once.delay(&[1; 48], 5, day), Duration::ZERO);
    }
}
