//! Completing the shards of a plan: copied from who held them, recovered where that does not work.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ambient::{TaskTracker, pauses::Backoff};
use futures::{StreamExt as _, stream};
use stdx::{Mutex, SaturatingFrom as _};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use walrus_core::{BlobId, Epoch, ShardIndex, node_api::RecoveryProgress};

use super::{
    pass::Pass,
    request::{Copied, copy_shard},
};
use crate::{
    epoch::{EpochPlan, ShardSource, ShardStatus, ShardTask},
    progress::NodePhase,
    recovery::{HEALING_BLOBS_MAX, Healer, TOGETHER_BLOBS_MAX},
    shard_work::ShardWork,
    state::incomplete_shards,
    storage::StorageError,
};

/// Shards copied at a time.
pub const SYNC_SHARDS_MAX: usize = 4;

/// Blobs healed before the sources of shards are tried again.
const HEALING_BATCH: usize = 256;

/// Groups of small blobs healed at a time.
const GROUPS_MAX: usize = 4;

/// Metadata of blobs fetched at a time.
const METADATA_REQUESTS_MAX: usize = 32;

/// Blobs without metadata looked for at a time.
const METADATA_BATCH: usize = 1_024;

/// Pauses after a round in which nothing could be got.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How often progress is reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Completes shards in the background.
#[derive(Clone)]
pub struct ShardCompletion {
    healer: Arc<Healer>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Ends the work of the plan before.
    present: Arc<Mutex<CancellationToken>>,
}

/// The work of one plan.
struct Round {
    healer: Arc<Healer>,
    epoch: Epoch,
    shards: Vec<ShardTask>,
    started: Instant,
    reported: Instant,
    recovered: usize,
    /// The present pass over all blobs.
    pass: Pass,
    /// Slivers copied and blobs healed in it.
    got_in_pass: usize,
}

impl ShardCompletion {
    /// Work runs on `tasks` until `stop`.
    pub fn new(healer: Arc<Healer>, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self {
            healer,
            tasks,
            present: Arc::new(Mutex::new(stop.child_token())),
            stop,
        }
    }
}

impl ShardWork for ShardCompletion {
    fn follow(&self, plan: &EpochPlan) {
        let over = self.stop.child_token();
        let before = std::mem::replace(&mut *self.present.lock(), over.clone());
        before.cancel();
        self.healer.service.state().report_recovery(None);
        if plan.work.is_empty() {
            return;
        }
        let numbers: Vec<u16> = plan.work.iter().map(|task| task.shard.0).collect();
        info!(epoch = plan.epoch, shards = ?numbers, "completing shards");
        let now = Instant::now();
        let mut round = Round {
            healer: self.healer.clone(),
            epoch: plan.epoch,
            shards: plan.work.clone(),
            started: now,
            reported: now,
            recovered: 0,
            pass: Pass::begin(now),
            got_in_pass: 0,
        };
        let metadata_first = plan.phase == NodePhase::RecoverMetadata;
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = over.cancelled() => debug!(epoch = round.epoch, "the work on shards is out of date"),
                () = round.run(metadata_first) => {
                    round.healer.service.state().report_recovery(None);
                }
            }
        });
    }
}

impl Round {
    async fn run(&mut self, metadata_first: bool) {
        let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX);
        if metadata_first {
            while let Err(error) = self.fetch_metadata().await {
                warn!(%error, "cannot get the metadata of all blobs; trying again");
                sleep(backoff.next_pause()).await;
            }
            let state = self.healer.service.state();
            state.metadata_recovered(self.epoch).await;
            backoff.reset();
        }
        while !self.shards.is_empty() {
            match self.advance().await {
                Ok(true) => {}
                Ok(false) => {
                    if std::mem::take(&mut self.got_in_pass) > 0 {
                        backoff.reset();
                    }
                    sleep(backoff.next_pause()).await;
                }
                Err(error) => {
                    warn!(epoch = self.epoch, %error, "cannot complete shards; trying again");
                    sleep(backoff.next_pause()).await;
                }
            }
        }
        info!(epoch = self.epoch, "all shards are complete");
    }

    /// Copies what can be copied, and heals some blobs. Returns whether there is more to do at
    /// once: `false` when all blobs were looked at and some still lack something.
    async fn advance(&mut self) -> Result<bool, StorageError> {
        let copied = self.copy().await;
        self.got_in_pass += copied;
        if copied > 0 {
            self.report_complete().await?;
        }
        self.report_recovery().await?;
        self.heal_some().await?;
        if self.pass.after().is_some() {
            return Ok(true);
        }
        self.report_complete().await?;
        Ok(self.shards.is_empty())
    }

    /// Reports that what could not be copied is recovered.
    async fn report_recovery(&self) -> Result<(), StorageError> {
        let state = self.healer.service.state();
        let view = state.view();
        for task in &self.shards {
            let record = view.shards.get(&task.shard);
            let copying = record.is_some_and(|record| record.status == ShardStatus::ActiveSync);
            if copying && state.shard_needs_recovery(task.shard, self.epoch).await? {
                info!(
                    shard = task.shard.0,
                    epoch = self.epoch,
                    "what could not be copied is recovered"
                );
            }
        }
        Ok(())
    }

    /// Copies shards from those who held them, a few at a time. Returns how many slivers were
    /// copied.
    async fn copy(&mut self) -> usize {
        let epoch = self.epoch;
        let mut sources = Vec::new();
        for task in &self.shards {
            if let ShardSource::Member(source) = task.source {
                sources.push((task.shard, source));
            }
        }
        let healer = &self.healer;
        let copies: Vec<(ShardIndex, Copied)> = stream::iter(sources)
            .map(|(shard, source)| async move {
                (shard, copy_shard(healer, shard, source, epoch).await)
            })
            .buffer_unordered(SYNC_SHARDS_MAX)
            .collect()
            .await;
        let mut total = 0;
        for (shard, copied) in copies {
            let Copied {
                slivers,
                bad,
                is_all,
            } = copied;
            total += slivers;
            if slivers + bad > 0 {
                info!(
                    shard = shard.0,
                    epoch, slivers, bad, "copied a part of the shard"
                );
            }
            // What is missing now the source does not have.
            if is_all && let Some(task) = self.shards.iter_mut().find(|task| task.shard == shard) {
                task.source = ShardSource::Symbols;
            }
        }
        total
    }

    /// Heals the next blobs that lack slivers of the shards.
    async fn heal_some(&mut self) -> Result<(), StorageError> {
        let shards: Vec<ShardIndex> = self.shards.iter().map(|task| task.shard).collect();
        let (epoch, after) = (self.epoch, self.pass.after());
        let state = self.healer.service.state();
        let found = state
            .storage()
            .with_index(move |index| index.incomplete_blobs(after, &shards, epoch, HEALING_BATCH))
            .await?;
        let healer = &self.healer;
        let all = found.blobs.len();
        // Small blobs many at a time, and one by one what is left.
        let groups = found.blobs.chunks(TOGETHER_BLOBS_MAX);
        let left: Vec<Vec<BlobId>> = stream::iter(groups.map(<[BlobId]>::to_vec))
            .map(|group| healer.heal_together(group))
            .buffer_unordered(GROUPS_MAX)
            .collect()
            .await;
        let left = left.concat();
        let together = all - left.len();
        let healed = stream::iter(left)
            .map(|blob_id| heal_one(healer, blob_id))
            .buffer_unordered(HEALING_BLOBS_MAX)
            .filter(|healed| std::future::ready(*healed))
            .count()
            .await;
        self.pass.advance(found.next_after, Instant::now());
        self.got_in_pass += together + healed;
        self.recovered += together + healed;
        self.report_progress();
        Ok(())
    }

    /// Reports the shards that lack nothing and keeps the others.
    async fn report_complete(&mut self) -> Result<(), StorageError> {
        let shards: Vec<ShardIndex> = self.shards.iter().map(|task| task.shard).collect();
        let epoch = self.epoch;
        let state = self.healer.service.state();
        let incomplete: BTreeSet<ShardIndex> = state
            .storage()
            .with_index(move |index| incomplete_shards(index, &shards, epoch))
            .await?;
        for task in &self.shards {
            if !incomplete.contains(&task.shard) && state.shard_complete(task.shard, epoch).await? {
                info!(shard = task.shard.0, epoch, "the shard is complete");
            }
        }
        self.shards.retain(|task| incomplete.contains(&task.shard));
        Ok(())
    }

    /// Where the work stands, for the health report and, now and then, the log.
    fn report_progress(&mut self) {
        let now = Instant::now();
        let progress = RecoveryProgress {
            shards: u32::saturating_from(self.shards.len()),
            blobs: u64::saturating_from(self.recovered),
            percent: self.pass.percent(),
            seconds_left: self.pass.time_left(now).map(|left| left.as_secs()),
        };
        let state = self.healer.service.state();
        state.report_recovery(Some(progress));
        if self.reported.elapsed() < REPORT_INTERVAL {
            return;
        }
        self.reported = now;
        let seconds = self.started.elapsed().as_secs().max(1);
        let per_second = u64::saturating_from(self.recovered) / seconds;
        info!(
            epoch = self.epoch,
            recovered = self.recovered,
            per_second,
            shards = self.shards.len(),
            percent = progress.percent,
            seconds_left = progress.seconds_left,
            "recovering blobs"
        );
    }

    /// Gets the metadata of all certified blobs, for a node that was in no committee before.
    async fn fetch_metadata(&self) -> Result<(), crate::recovery::HealError> {
        let mut after = None;
        loop {
            let epoch = self.epoch;
            let state = self.healer.service.state();
            let view = state.view();
            let found = state
                .storage()
                .with_index(move |index| index.blobs_without_metadata(after, epoch, METADATA_BATCH))
                .await?;
            let (healer, view) = (&self.healer, &view);
            let mut fetched = stream::iter(found.blobs)
                .map(|blob_id: BlobId| healer.fetch_metadata(view, blob_id))
                .buffer_unordered(METADATA_REQUESTS_MAX);
            while let Some(entry) = fetched.next().await {
                // A blob of which nobody has metadata is a matter of its healing.
                if let Err(crate::recovery::HealError::Service(error)) = entry {
                    return Err(error.into());
                }
            }
            after = found.next_after;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

async fn heal_one(healer: &Healer, blob_id: BlobId) -> bool {
    match healer.heal(blob_id).await {
        Ok(_) => true,
        Err(error) => {
            debug!(%blob_id, %error, "the blob cannot be healed now; trying again");
            false
        }
    }
}
