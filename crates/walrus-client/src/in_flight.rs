//! How many bytes of slivers are on their way at a time.

use stdx::SaturatingFrom as _;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Bytes one permit stands for.
const BYTES_PER_PERMIT: usize = 1024;

/// Bounds the bytes of slivers on their way, across all nodes and blobs of a client.
#[derive(Debug)]
pub(crate) struct DataInFlight {
    permits: Semaphore,
    total: usize,
}

impl DataInFlight {
    pub(crate) fn new(bytes: usize) -> Self {
        let total = (bytes / BYTES_PER_PERMIT).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            permits: Semaphore::new(total),
            total,
        }
    }

    /// Waits until `bytes` more may be sent. A sliver larger than the whole budget goes alone.
    pub(crate) async fn reserve(&self, bytes: usize) -> SemaphorePermit<'_> {
        let permits = bytes.div_ceil(BYTES_PER_PERMIT).clamp(1, self.total);
        let permits = u32::saturating_from(permits);
        self.permits
            .acquire_many(permits)
            .await
            .expect("the semaphore is never closed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sliver_larger_than_the_budget_goes_alone() {
        let budget = DataInFlight::new(10 * BYTES_PER_PERMIT);
        let big = budget.reserve(1 << 30).await;
        assert_eq!(budget.permits.available_permits(), 0);
        drop(big);
        let _small = budget.reserve(1).await;
        assert_eq!(budget.permits.available_permits(), 9);
    }
}
