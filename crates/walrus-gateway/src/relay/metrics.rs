//! What the relay counts.

use prometheus_client::{metrics::counter::Counter, registry::Registry};

/// Uploads, by how they ended. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct RelayMetrics {
    /// Blobs that the nodes have confirmed.
    pub(crate) blobs_uploaded: Counter,
    /// Bytes that were another blob than the request said.
    pub(crate) blob_id_mismatch: Counter,
    /// Transactions that the full nodes do not have, or did not tell.
    pub(crate) get_transaction_error: Counter,
    /// Transactions that are too old, or not of this time.
    pub(crate) freshness_check_error: Counter,
    /// Transactions that pay too little.
    pub(crate) tip_check_error: Counter,
    /// Transactions that were made for something else.
    pub(crate) auth_package_check_error: Counter,
}

impl RelayMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let counters = [
            (
                "blobs_uploaded",
                "Blobs that storage nodes have confirmed",
                &metrics.blobs_uploaded,
            ),
            (
                "blob_id_mismatch",
                "Bodies that were another blob than the request said",
                &metrics.blob_id_mismatch,
            ),
            (
                "get_transaction_error",
                "Transactions of tips that could not be read",
                &metrics.get_transaction_error,
            ),
            (
                "freshness_check_error",
                "Transactions of tips that were too old, or of the future",
                &metrics.freshness_check_error,
            ),
            (
                "tip_check_error",
                "Transactions that paid no tip, or too little",
                &metrics.tip_check_error,
            ),
            (
                "auth_package_check_error",
                "Transactions of tips that were made for another blob or client",
                &metrics.auth_package_check_error,
            ),
        ];
        for (name, help, counter) in counters {
            let name = format!("walrus_upload_relay_{name}");
            registry.register(name, help, counter.clone());
        }
        metrics
    }
}
