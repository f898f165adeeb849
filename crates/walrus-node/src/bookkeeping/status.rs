//! The status a node reports for a blob.

use walrus_core::{
    Epoch,
    node_api::{BlobStatus, DeletableCounts},
};

use super::record::BlobRecord;

impl BlobRecord {
    /// The status in `epoch`, as answered to clients. All honest nodes must agree on it.
    pub fn status(&self, epoch: Epoch) -> BlobStatus {
        if let Some(invalidation) = &self.invalid {
            return BlobStatus::Invalid {
                event: invalidation.event,
            };
        }
        let deletable_counts = DeletableCounts {
            count_deletable_total: self.deletable_total.saturating_add(self.pooled_total),
            count_deletable_certified: self
                .deletable_certified
                .saturating_add(self.pooled_certified),
        };
        let certified = self.permanent_certified_at(epoch);
        if let Some(refs) = certified.or_else(|| self.permanent_total_at(epoch)) {
            return BlobStatus::Permanent {
                end_epoch: refs.end_epoch,
                is_certified: certified.is_some(),
                status_event: refs.event,
                deletable_counts,
                initial_certified_epoch: self.initial_certified_epoch,
            };
        }
        if deletable_counts == DeletableCounts::default() {
            return BlobStatus::Nonexistent;
        }
        BlobStatus::Deletable {
            initial_certified_epoch: self.initial_certified_epoch,
            deletable_counts,
        }
    }
}
