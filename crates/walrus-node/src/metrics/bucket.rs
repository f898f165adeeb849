//! Metrics of the bucket.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::gauge::Gauge;

use super::Registration;
use crate::storage::BucketState;

type Number = Gauge<u64, AtomicU64>;

/// What was done with the bucket since the start, and how it is doing.
#[derive(Clone)]
pub struct BucketMetrics {
    uploads: Number,
    deletions: Number,
    reads: Number,
    cache_hits: Number,
    lost: Number,
    failures: Number,
    pending_uploads: Number,
    unavailable_secs: Number,
}

impl BucketMetrics {
    pub(super) fn register(register: &mut Registration<'_>) -> Self {
        Self {
            uploads: register.gauge(
                "walrus_bucket_uploads",
                "Slivers written to the bucket since the start",
            ),
            deletions: register.gauge(
                "walrus_bucket_deletions",
                "Objects deleted from the bucket since the start",
            ),
            reads: register.gauge(
                "walrus_bucket_reads",
                "Objects read from the bucket since the start",
            ),
            cache_hits: register.gauge(
                "walrus_bucket_cache_hits",
                "Reads since the start of slivers in the bucket that a local file answered",
            ),
            lost: register.gauge(
                "walrus_bucket_lost_objects",
                "Objects that the bucket has lost or changed, since the start",
            ),
            failures: register.gauge(
                "walrus_bucket_failures",
                "Requests to the bucket that failed since the start",
            ),
            pending_uploads: register.gauge(
                "walrus_bucket_pending_uploads",
                "Slivers that wait to be uploaded",
            ),
            unavailable_secs: register.gauge(
                "walrus_bucket_unavailable_seconds",
                "For how long the bucket does not answer; 0 while it does",
            ),
        }
    }

    /// Shows how the bucket is doing.
    pub fn sample(&self, state: &BucketState) {
        let counters = &state.counters;
        self.uploads.set(counters.uploads);
        self.deletions.set(counters.deletions);
        self.reads.set(counters.reads);
        self.cache_hits.set(counters.cache_hits);
        self.lost.set(counters.lost);
        self.failures.set(counters.failures);
        self.pending_uploads.set(state.pending_uploads);
        // At least 1, so that a moment is seen, too.
        let secs = state
            .unavailable
            .as_ref()
            .map_or(0, |(secs, _)| (*secs).max(1));
        self.unavailable_secs.set(secs);
    }
}
