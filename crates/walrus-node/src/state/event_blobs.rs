//! Event blobs on their way to a certificate.

use stdx::SaturatingFrom as _;
use walrus_core::{BlobId, node_api::EventBlobProgress};

use super::NodeState;

impl NodeState {
    /// Keeps the data of an event blob although nobody has registered it yet: the attestation that
    /// completes the quorum does. The one kept before is let go.
    pub(crate) fn keep_event_blob(&self, blob_id: Option<BlobId>) {
        *self.kept_event_blob.lock() = blob_id;
    }

    /// Whether the data of a blob has to stay for that reason.
    pub(super) fn keeps_event_blob(&self, blob_id: &BlobId) -> bool {
        self.kept_event_blob.lock().as_ref() == Some(blob_id)
    }

    /// Notes that a blob is certified: it may be the event blob that is waited for.
    pub(crate) fn event_blob_certified(&self, blob_id: &BlobId) {
        if self.keeps_event_blob(blob_id) {
            self.tell_event_blob_writer();
        }
    }

    /// Tells the writer of event blobs that there may be something to do.
    pub(crate) fn tell_event_blob_writer(&self) {
        self.event_blob_news.notify_one();
    }

    /// Waits until there may be something to do for the writer of event blobs.
    pub(crate) async fn event_blob_news(&self) {
        self.event_blob_news.notified().await;
    }

    /// What the health report says about event blobs.
    pub(super) fn event_blob_progress(&self) -> EventBlobProgress {
        let log = self.storage.index().event_log();
        EventBlobProgress {
            last_certified_checkpoint: log.anchor().and_then(|anchor| anchor.last_checkpoint),
            uncertified: u64::saturating_from(log.complete().len()),
            catching_up_to: self.progress.get().catching_up_to,
        }
    }
}
