//! The health report.

use stdx::SaturatingFrom as _;
use tokio_util::sync::CancellationToken;
use walrus_core::{
    Epoch,
    node_api::{
        BucketHealth, DamageFound, HealthInfo, ShardDetail, ShardHealth, ShardStatusCounts,
        ShardSummary,
    },
};

use super::NodeState;
use crate::{
    epoch::{EpochView, ShardStatus},
    metrics::EpochLabel,
    storage::{BlobRecords, BucketState, StorageError, run_blocking},
};

/// Bits of a number that a scraper, which works with floating point, keeps.
const EXACT_BITS: u32 = 48;

/// Epochs whose digests are shown at a time.
const DIGESTS_SHOWN: Epoch = 2;

impl NodeState {
    /// The health report.
    pub fn health(&self, detailed: bool) -> HealthInfo {
        let view = self.view();
        let progress = self.progress.get();
        HealthInfo {
            uptime: self.started.elapsed(),
            epoch: view.epoch(),
            public_key: self.public_key().to_string(),
            node_status: progress.reported_phase().text(view.epoch()),
            event_progress: progress.events,
            shard_summary: summary(&view),
            shard_detail: detailed.then(|| detail(&view)),
            latest_checkpoint_sequence_number: progress.checkpoint,
            chain_unavailable: self.progress.chain_away().map(|away| {
                let secs = away.since.elapsed().as_secs();
                format!("for {secs} s: {}", away.reason)
            }),
            event_blobs: Some(self.event_blob_progress()),
            bucket: self.storage.bucket_state().map(bucket_health),
            storage_failure: self.storage.index().failure().map(str::to_owned),
            damage: Some(self.damage()).filter(|damage| *damage != DamageFound::default()),
            recovery: self
                .progress
                .recovery()
                .filter(|_| !view.all_owned_active()),
        }
    }

    /// What was found damaged since the start.
    fn damage(&self) -> DamageFound {
        DamageFound {
            slivers: self.metrics.damaged_slivers.get(),
            metadata: self.metrics.damaged_metadata.get(),
            index_reads: self.storage.index().damaged(),
        }
    }

    /// Notes that the storage can no longer be written. Nothing takes that back.
    pub(crate) fn storage_failed(&self) {
        self.progress
            .update(|progress| progress.phase = crate::progress::NodePhase::StorageFailed);
    }

    /// Shows a digest of the blob records as they were when all events before `epoch` were
    /// processed and none after it. Operators compare it between nodes.
    pub(crate) async fn show_records_digest(
        &self,
        records: BlobRecords,
        epoch: Epoch,
        stop: CancellationToken,
    ) -> Result<(), StorageError> {
        let Some(digest) = run_blocking(move || records.digest(&stop)).await?? else {
            return Ok(());
        };
        let shown = u64::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes"));
        let digests = &self.metrics.records_digest;
        digests
            .get_or_create(&EpochLabel { epoch })
            .set(shown >> (u64::BITS - EXACT_BITS));
        if let Some(epoch) = epoch.checked_sub(DIGESTS_SHOWN) {
            digests.remove(&EpochLabel { epoch });
        }
        Ok(())
    }

    fn sample_bucket(&self) {
        let metrics = &self.metrics;
        if let Some(bucket) = self.storage.bucket_state() {
            metrics.bucket.sample(&bucket);
            let bytes = |bytes: u64| usize::saturating_from(bytes);
            let waiting = bytes(bucket.pending_upload_bytes);
            let waiting_max = bytes(bucket.write_ahead_bytes_max);
            metrics.set_queue("bucket_upload_bytes", waiting, waiting_max);
            let cached_max = bytes(bucket.cache_bytes_max);
            metrics.set_queue("bucket_cache_bytes", bytes(bucket.cached_bytes), cached_max);
        }
    }

    /// Brings the metrics that are sampled, not counted, up to date.
    pub fn sample_metrics(&self) {
        use crate::metrics::StateLabel;
        let view = self.view();
        let progress = self.progress.get();
        let metrics = &self.metrics;
        metrics.epoch.set(view.epoch().into());
        metrics.node_status.set(progress.reported_phase().number());
        metrics
            .slivers_stored
            .set(self.storage.index().sliver_count());
        metrics.damaged_index.set(self.storage.index().damaged());
        let event_blobs = self.event_blob_progress();
        metrics
            .event_blob_checkpoint
            .set(event_blobs.last_certified_checkpoint.unwrap_or(0));
        metrics.event_blobs_uncertified.set(event_blobs.uncertified);
        metrics
            .catching_up_to
            .set(event_blobs.catching_up_to.unwrap_or(0));
        metrics.uptime.set(self.started.elapsed().as_secs());
        let positions = [
            ("persisted", progress.events.persisted),
            ("pending", progress.events.pending),
            (
                "highest_finished",
                progress.events.highest_finished_event_index.unwrap_or(0),
            ),
        ];
        for (state, value) in positions {
            metrics
                .event_cursor
                .get_or_create(&StateLabel { state })
                .set(value);
        }
        let counts = summary(&view);
        let owned = counts.owned_shard_status;
        let by_status = [
            ("unknown", owned.unknown),
            ("ready", owned.ready),
            ("inTransfer", owned.in_transfer),
            ("inRecovery", owned.in_recovery),
            ("readOnly", counts.read_only),
        ];
        for (state, value) in by_status {
            metrics
                .shards
                .get_or_create(&StateLabel { state })
                .set(value.into());
        }
        let (metadata, slivers, bytes) = self.pending.sizes();
        let limits = self.pending.limits();
        metrics.set_queue("pending_metadata", metadata, limits.metadata_max);
        metrics.set_queue("pending_slivers", slivers, limits.slivers_max);
        metrics.set_queue("pending_sliver_bytes", bytes, limits.sliver_bytes_max);
        let reads = self.storage.read_memory();
        metrics.set_queue("read_bytes", reads.used(), reads.total());
        self.sample_bucket();
        let (waiting, waiters_max) = self.registrations.load();
        metrics.set_queue("registration_waiters", waiting, waiters_max);
        metrics.set_queue(
            "commit",
            self.storage.commit_queue_len(),
            crate::storage::COMMIT_QUEUE_MAX,
        );
    }
}

fn bucket_health(state: BucketState) -> BucketHealth {
    BucketHealth {
        pending_uploads: state.pending_uploads,
        pending_upload_bytes: state.pending_upload_bytes,
        unavailable: state
            .unavailable
            .map(|(secs, reason)| format!("for {secs} s: {reason}")),
    }
}

/// What the report says of a shard that is owned and has no storage.
const UNKNOWN_SHARD: &str = "unknown";

fn summary(view: &EpochView) -> ShardSummary {
    let mut counts = ShardStatusCounts::default();
    let mut owned = 0;
    for shard in &view.owned {
        owned += 1;
        let count = match view.shards.get(shard).map(|record| record.status) {
            None | Some(ShardStatus::LockedToMove) => &mut counts.unknown,
            Some(ShardStatus::Active) => &mut counts.ready,
            Some(ShardStatus::ActiveSync) => &mut counts.in_transfer,
            Some(ShardStatus::ActiveRecover) => &mut counts.in_recovery,
        };
        *count += 1;
    }
    let read_only = view
        .shards
        .values()
        .filter(|record| record.status == ShardStatus::LockedToMove)
        .fold(0, |count, _| count + 1);
    ShardSummary {
        owned,
        owned_shard_status: counts,
        read_only,
    }
}

fn detail(view: &EpochView) -> ShardDetail {
    let mut detail = ShardDetail::default();
    for shard in &view.owned {
        if !view.shards.contains_key(shard) {
            let status = UNKNOWN_SHARD.to_owned();
            detail.owned.push(ShardHealth {
                shard: *shard,
                status,
            });
        }
    }
    for (shard, record) in &view.shards {
        let health = ShardHealth {
            shard: *shard,
            status: record.status.health_text().to_owned(),
        };
        if view.owned.contains(shard) {
            detail.owned.push(health);
        } else {
            detail.other.push(health);
        }
    }
    detail.owned.sort_by_key(|health| health.shard);
    detail
}
