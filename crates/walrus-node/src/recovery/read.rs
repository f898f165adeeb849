//! Reading a whole blob from other nodes, for this node's own use.

use std::{collections::BTreeMap, sync::Arc};

use stdx::SaturatingFrom as _;
use walrus_core::{BlobId, PrimarySliver, Sliver, SliverIndex, SliverType, VerifiedMetadata};
use walrus_encoder::ConsistencyCheck;
use walrus_http::budget::Holder;

use super::{
    gather::gather,
    healer::{HealError, Healer, bounded, shape_of},
    plan::Ask,
};
use crate::{epoch::EpochView, peer::Peer, storage::SliverKey};

/// Memory for reading a blob, as a multiple of it: slivers, blob, and what is encoded again.
const READING_MEMORY_FACTOR: u64 = 4;

impl Healer {
    /// Reads a blob from the nodes of the committees of `view`. The bytes are those the blob ID
    /// stands for: every sliver is checked, and the blob is encoded again.
    pub(crate) async fn read_blob(
        &self,
        view: &EpochView,
        blob_id: BlobId,
    ) -> Result<Vec<u8>, HealError> {
        let entry = self.fetch_metadata(view, blob_id).await?;
        let metadata = entry.verified;
        let shape = shape_of(&metadata);
        let memory = READING_MEMORY_FACTOR.saturating_mul(shape.blob_bytes());
        let _memory = self.memory().reserve(bounded(memory)).await;
        let at_hand = self.own_slivers(view, blob_id).await;
        let candidates = self.candidates(view, &blob_id, SliverType::Primary);
        let needed = shape.slivers_needed(SliverType::Primary);
        let slivers = gather(candidates, at_hand, needed, |peer, ask| {
            self.ask_slivers(&metadata, peer, ask)
        })
        .await?;
        let slivers: Vec<_> = slivers.into_values().collect();
        let decoded = self
            .service
            .verify(move |encoder| encoder.decode(&metadata, slivers, ConsistencyCheck::Strict))
            .await?;
        decoded.map_err(HealError::Decode)
    }

    /// Slivers of the blob that this node has itself.
    async fn own_slivers(
        &self,
        view: &EpochView,
        blob_id: BlobId,
    ) -> BTreeMap<SliverIndex, PrimarySliver> {
        let mut own = BTreeMap::new();
        for shard in view.shards.keys() {
            let key = SliverKey {
                shard: *shard,
                axis: SliverType::Primary,
                blob_id,
            };
            if let Ok(Sliver::Primary(sliver)) = self.service.load_sliver(key, Holder::NODE).await {
                own.insert(sliver.index, sliver);
            }
        }
        own
    }

    /// Slivers that a node gives, checked.
    async fn ask_slivers(
        &self,
        metadata: &VerifiedMetadata,
        peer: Arc<Peer>,
        ask: Ask,
    ) -> Option<Vec<(SliverIndex, PrimarySliver)>> {
        let blob_id = *metadata.blob_id();
        let length = metadata.sliver_size(SliverType::Primary);
        let mut slivers = Vec::new();
        for index in ask.sources {
            // The sliver pairs are numbered by their primary slivers.
            let pair = walrus_core::SliverPairIndex(index.0);
            let answer = peer
                .ask(|client| async move {
                    client
                        .sliver(&blob_id, pair, SliverType::Primary, length)
                        .await
                })
                .await;
            let sliver: PrimarySliver = match answer {
                Ok(sliver) => sliver,
                Err(error) if error.is_not_found() => continue,
                Err(_) => break,
            };
            self.count_received(u64::saturating_from(sliver.symbols.len()));
            let checked = metadata.clone();
            let verified = self
                .service
                .verify(move |encoder| {
                    let is_right = sliver.index == index;
                    let verified = is_right && encoder.verify_sliver(&sliver, &checked).is_ok();
                    verified.then_some(sliver)
                })
                .await;
            let Some(sliver) = verified.ok()? else {
                peer.misbehaved("a sliver that is not that of the blob");
                break;
            };
            slivers.push((index, sliver));
        }
        (!slivers.is_empty()).then_some(slivers)
    }
}
