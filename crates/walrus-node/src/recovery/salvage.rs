//! Taking back what is left of slivers after the index was lost.

use tracing::debug;
use walrus_core::{VerifiedMetadata, sliver::SliverView};

use super::healer::{HealError, Healer};
use crate::storage::SliverKey;

impl Healer {
    /// Stores what is left of these slivers of a blob; returns those that are still missing.
    pub(super) async fn salvage(
        &self,
        metadata: &VerifiedMetadata,
        missing: Vec<SliverKey>,
    ) -> Result<Vec<SliverKey>, HealError> {
        let state = self.service.state();
        let storage = state.storage();
        let mut left = Vec::new();
        for key in missing {
            let Some(bytes) = storage.salvage(key).await? else {
                left.push(key);
                continue;
            };
            let expected = key
                .shard
                .to_pair(&key.blob_id, self.service.n_shards())
                .sliver_index(key.axis, self.service.n_shards());
            let (metadata, found) = (metadata.clone(), bytes.clone());
            let checked = self.service.verify(move |encoder| {
                bcs::from_bytes::<SliverView<'_>>(&found).is_ok_and(|sliver| {
                    let verified = encoder.verify_sliver_view(key.axis, sliver, &metadata);
                    sliver.index == expected && verified.is_ok()
                })
            });
            if checked.await? {
                state.store_sliver(key, bytes).await?;
                debug!(blob_id = %key.blob_id, shard = key.shard.0, axis = %key.axis, "took a sliver back");
            } else {
                left.push(key);
            }
            storage.salvaged(key).await?;
        }
        Ok(left)
    }
}
