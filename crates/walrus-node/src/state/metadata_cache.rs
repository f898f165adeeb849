//! Verified metadata of blobs in use, so that a wave of slivers verifies it once.

use std::{
    collections::{HashMap, VecDeque},
    sync::MutexGuard,
};

use stdx::Mutex;
use walrus_core::BlobId;

use crate::pending::MetadataEntry;

/// Entries held at most; each has two copies of the metadata (66 kB for a thousand shards).
pub(super) const METADATA_CACHE_MAX: usize = 256;

/// A bounded map that forgets its oldest entry first.
#[derive(Debug, Default)]
pub(super) struct MetadataCache(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    entries: HashMap<BlobId, MetadataEntry>,
    order: VecDeque<BlobId>,
}

impl MetadataCache {
    pub(super) fn get(&self, blob_id: &BlobId) -> Option<MetadataEntry> {
        self.lock().entries.get(blob_id).cloned()
    }

    pub(super) fn insert(&self, entry: MetadataEntry) {
        let mut state = self.lock();
        let blob_id = *entry.verified.blob_id();
        if state.entries.insert(blob_id, entry).is_some() {
            return;
        }
        state.order.push_back(blob_id);
        if state.order.len() > METADATA_CACHE_MAX
            && let Some(oldest) = state.order.pop_front()
        {
            state.entries.remove(&oldest);
        }
    }

    pub(super) fn remove(&self, blob_id: &BlobId) {
        let mut state = self.lock();
        if state.entries.remove(blob_id).is_some() {
            state.order.retain(|other| other != blob_id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Worst case after a panic is an entry that is never evicted, which the next insertion
        // evicts.
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use walrus_core::{NShards, SliverPairMetadata, VerifiedMetadata};

    use super::*;

    #[test]
    fn the_oldest_entry_goes_first() {
        let cache = MetadataCache::default();
        let n = NShards::new(4).unwrap();
        let ids: Vec<_> = (0..=METADATA_CACHE_MAX)
            .map(|length| {
                let hashes = vec![SliverPairMetadata::default(); 4];
                let length = u64::try_from(length).unwrap();
                let verified = VerifiedMetadata::compute(n, length, hashes).unwrap();
                let id = *verified.blob_id();
                cache.insert(MetadataEntry {
                    verified,
                    bytes: Bytes::new(),
                });
                id
            })
            .collect();
        assert!(cache.get(&ids[0]).is_none());
        assert!(cache.get(&ids[1]).is_some());
        cache.remove(&ids[1]);
        assert!(cache.get(&ids[1]).is_none());
    }
}
