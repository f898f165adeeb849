//! What can be seen from outside.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use walrus_client::StoredBlob;
use walrus_core::Frost;

/// Counters and gauges of a store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    stored_blobs: Counter,
    stored_frost: Counter,
    renewed_blobs: Counter,
    renewed_frost: Counter,
    waiting_objects: Gauge<u64, AtomicU64>,
    waiting_removals: Gauge<u64, AtomicU64>,
    spool_bytes: Gauge<u64, AtomicU64>,
    is_hindered: Gauge<u64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let counters = [
            (
                "walrus_s3_stored_blobs",
                "Blobs stored",
                &metrics.stored_blobs,
            ),
            (
                "walrus_s3_stored_frost",
                "Paid for storing, in FROST",
                &metrics.stored_frost,
            ),
            (
                "walrus_s3_renewed_blobs",
                "Blobs renewed",
                &metrics.renewed_blobs,
            ),
            (
                "walrus_s3_renewed_frost",
                "Paid for renewing, in FROST",
                &metrics.renewed_frost,
            ),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        let gauges = [
            (
                "walrus_s3_waiting_objects",
                "Objects that are not certified yet",
                &metrics.waiting_objects,
            ),
            (
                "walrus_s3_waiting_removals",
                "Deletions that are not on chain yet",
                &metrics.waiting_removals,
            ),
            (
                "walrus_s3_spool_bytes",
                "Bytes on disk that are not certified yet",
                &metrics.spool_bytes,
            ),
            (
                "walrus_s3_hindered",
                "1 if the last store failed",
                &metrics.is_hindered,
            ),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        metrics
    }

    pub(crate) fn stored(&self, blob: &StoredBlob) {
        self.stored_blobs.inc();
        self.stored_frost.inc_by(blob.cost.0);
    }

    pub(crate) fn renewed(&self, blobs: usize, cost: Frost) {
        self.renewed_blobs.inc_by(blobs as u64);
        self.renewed_frost.inc_by(cost.0);
    }

    pub(crate) fn show(&self, objects: usize, removals: usize, bytes: u64, is_hindered: bool) {
        self.waiting_objects.set(objects as u64);
        self.waiting_removals.set(removals as u64);
        self.spool_bytes.set(bytes);
        self.is_hindered.set(u64::from(is_hindered));
    }
}
