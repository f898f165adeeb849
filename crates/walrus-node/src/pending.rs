//! Data of blobs whose registration has not been seen yet.
//!
//! A client may upload while its registration transaction is still running. What it sends is verified, kept in memory for
//! a minute, and written to the storage as soon as the registration appears. All sizes are bounded; when a bound is
//! reached the upload is refused and the client falls back to uploading after registration.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use walrus_core::{BlobId, SliverPairIndex, SliverType, VerifiedMetadata};

/// Bounds of the cache. A time to live of zero turns it off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingLimits {
    /// Slivers held at most.
    pub slivers_max: usize,
    /// Bytes of slivers held at most.
    pub sliver_bytes_max: usize,
    /// Size of one sliver at most.
    pub sliver_bytes_each_max: usize,
    /// Metadata held at most.
    pub metadata_max: usize,
    /// How long slivers are held.
    pub sliver_ttl: Duration,
    /// How long metadata is held.
    pub metadata_ttl: Duration,
}

impl Default for PendingLimits {
    fn default() -> Self {
        Self {
            slivers_max: 20_480,
            sliver_bytes_max: 1 << 30,
            sliver_bytes_each_max: 4 << 20,
            metadata_max: 1_024,
            sliver_ttl: Duration::from_secs(60),
            metadata_ttl: Duration::from_secs(60),
        }
    }
}

/// A bound of the cache was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cache for data of unregistered blobs is full")]
pub struct Saturated;

/// Verified metadata in both its forms.
#[derive(Debug, Clone)]
pub struct MetadataEntry {
    /// The decoded form.
    pub verified: VerifiedMetadata,
    /// The wire form, with blob ID.
    pub bytes: Bytes,
}

/// A buffered sliver: its place and its bytes.
pub type BufferedSliver = ((SliverPairIndex, SliverType), Bytes);

/// The cache.
#[derive(Debug)]
pub struct PendingCache {
    limits: PendingLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    blobs: HashMap<BlobId, PendingBlob>,
    metadata_count: usize,
    sliver_count: usize,
    sliver_bytes: usize,
}

#[derive(Debug, Default)]
struct PendingBlob {
    metadata: Option<(MetadataEntry, Instant)>,
    slivers: HashMap<(SliverPairIndex, SliverType), (Bytes, Instant)>,
}

impl PendingCache {
    /// An empty cache.
    pub fn new(limits: PendingLimits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
        }
    }

    /// Buffers metadata. Metadata that is already there stays.
    pub fn insert_metadata(&self, entry: MetadataEntry, now: Instant) -> Result<(), Saturated> {
        let mut state = self.lock();
        state.expire(&self.limits, now);
        let blob_id = *entry.verified.blob_id();
        if state
            .blobs
            .get(&blob_id)
            .is_some_and(|blob| blob.metadata.is_some())
        {
            return Ok(());
        }
        if self.limits.metadata_ttl.is_zero() || state.metadata_count >= self.limits.metadata_max {
            return Err(Saturated);
        }
        state.metadata_count += 1;
        state.blobs.entry(blob_id).or_default().metadata = Some((entry, now));
        Ok(())
    }

    /// Whether one more entry of metadata would be taken.
    pub fn has_room_for_metadata(&self, now: Instant) -> bool {
        let mut state = self.lock();
        state.expire(&self.limits, now);
        !self.limits.metadata_ttl.is_zero() && state.metadata_count < self.limits.metadata_max
    }

    /// Buffers a sliver. A sliver that is already there stays.
    pub fn insert_sliver(
        &self,
        blob_id: BlobId,
        place: (SliverPairIndex, SliverType),
        bytes: Bytes,
        now: Instant,
    ) -> Result<(), Saturated> {
        let mut state = self.lock();
        state.expire(&self.limits, now);
        if state
            .blobs
            .get(&blob_id)
            .is_some_and(|blob| blob.slivers.contains_key(&place))
        {
            return Ok(());
        }
        let limits = &self.limits;
        let fits = !limits.sliver_ttl.is_zero()
            && bytes.len() <= limits.sliver_bytes_each_max
            && state.sliver_count < limits.slivers_max
            && state.sliver_bytes.saturating_add(bytes.len()) <= limits.sliver_bytes_max;
        if !fits {
            return Err(Saturated);
        }
        state.sliver_count += 1;
        state.sliver_bytes += bytes.len();
        state
            .blobs
            .entry(blob_id)
            .or_default()
            .slivers
            .insert(place, (bytes, now));
        Ok(())
    }

    /// The buffered metadata of a blob.
    pub fn metadata(&self, blob_id: &BlobId, now: Instant) -> Option<MetadataEntry> {
        let mut state = self.lock();
        state.expire(&self.limits, now);
        let (entry, _) = state.blobs.get(blob_id)?.metadata.as_ref()?;
        Some(entry.clone())
    }

    /// Whether a sliver is buffered.
    pub fn has_sliver(
        &self,
        blob_id: &BlobId,
        place: (SliverPairIndex, SliverType),
        now: Instant,
    ) -> bool {
        let mut state = self.lock();
        state.expire(&self.limits, now);
        state
            .blobs
            .get(blob_id)
            .is_some_and(|blob| blob.slivers.contains_key(&place))
    }

    /// Whether anything of the blob is buffered.
    pub fn holds(&self, blob_id: &BlobId, now: Instant) -> bool {
        let mut state = self.lock();
        state.expire(&self.limits, now);
        state.blobs.contains_key(blob_id)
    }

    /// Everything buffered of a blob. It stays buffered until [`Self::remove`], so that at no moment it is nowhere.
    pub fn contents(&self, blob_id: &BlobId) -> (Option<MetadataEntry>, Vec<BufferedSliver>) {
        let state = self.lock();
        let Some(blob) = state.blobs.get(blob_id) else {
            return (None, Vec::new());
        };
        let metadata = blob.metadata.as_ref().map(|(entry, _)| entry.clone());
        let slivers = blob
            .slivers
            .iter()
            .map(|(place, (bytes, _))| (*place, bytes.clone()))
            .collect();
        (metadata, slivers)
    }

    /// Forgets the metadata of a blob and the given slivers.
    pub fn remove(&self, blob_id: &BlobId, slivers: &[BufferedSliver]) {
        let mut state = self.lock();
        let Some(mut blob) = state.blobs.remove(blob_id) else {
            return;
        };
        if blob.metadata.take().is_some() {
            state.metadata_count -= 1;
        }
        for (place, _) in slivers {
            if let Some((bytes, _)) = blob.slivers.remove(place) {
                state.sliver_count -= 1;
                state.sliver_bytes -= bytes.len();
            }
        }
        if !blob.slivers.is_empty() {
            state.blobs.insert(*blob_id, blob);
        }
    }

    /// Drops what is too old.
    pub fn expire(&self, now: Instant) {
        self.lock().expire(&self.limits, now);
    }

    /// Numbers for metrics: metadata entries, slivers, bytes of slivers.
    pub fn sizes(&self) -> (usize, usize, usize) {
        let state = self.lock();
        (state.metadata_count, state.sliver_count, state.sliver_bytes)
    }

    /// The bounds.
    pub fn limits(&self) -> &PendingLimits {
        &self.limits
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every method leaves the counters right before it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn expire(&mut self, limits: &PendingLimits, now: Instant) {
        if self.blobs.is_empty() {
            return;
        }
        let Self {
            blobs,
            metadata_count,
            sliver_count,
            sliver_bytes,
        } = self;
        let old = |since: Instant, ttl: Duration| now.saturating_duration_since(since) >= ttl;
        blobs.retain(|_, blob| {
            if blob
                .metadata
                .as_ref()
                .is_some_and(|(_, since)| old(*since, limits.metadata_ttl))
            {
                blob.metadata = None;
                *metadata_count -= 1;
            }
            blob.slivers.retain(|_, (bytes, since)| {
                let keep = !old(*since, limits.sliver_ttl);
                if !keep {
                    *sliver_count -= 1;
                    *sliver_bytes -= bytes.len();
                }
                keep
            });
            blob.metadata.is_some() || !blob.slivers.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walrus_core::{NShards, SliverPairMetadata};

    fn limits() -> PendingLimits {
        PendingLimits {
            slivers_max: 2,
            sliver_bytes_max: 10,
            sliver_bytes_each_max: 8,
            metadata_max: 1,
            ..PendingLimits::default()
        }
    }

    fn metadata(length: u64) -> MetadataEntry {
        let n = NShards::new(10).unwrap();
        let hashes = vec![SliverPairMetadata::default(); 10];
        let verified = VerifiedMetadata::compute(n, length, hashes).unwrap();
        MetadataEntry {
            verified,
            bytes: Bytes::new(),
        }
    }

    fn place(pair: u16) -> (SliverPairIndex, SliverType) {
        (SliverPairIndex(pair), SliverType::Primary)
    }

    const ID: BlobId = BlobId([7; 32]);

    #[test]
    fn every_bound_is_kept() {
        let cache = PendingCache::new(limits());
        let now = Instant::now();
        let bytes = |len| Bytes::from(vec![0; len]);
        assert_eq!(
            cache.insert_sliver(ID, place(0), bytes(9), now),
            Err(Saturated)
        );
        assert_eq!(cache.insert_sliver(ID, place(0), bytes(8), now), Ok(()));
        assert_eq!(
            cache.insert_sliver(ID, place(0), bytes(8), now),
            Ok(()),
            "already there"
        );
        assert_eq!(
            cache.insert_sliver(ID, place(1), bytes(3), now),
            Err(Saturated)
        );
        assert_eq!(cache.insert_sliver(ID, place(1), bytes(2), now), Ok(()));
        assert_eq!(
            cache.insert_sliver(ID, place(2), bytes(0), now),
            Err(Saturated)
        );
        assert_eq!(cache.sizes(), (0, 2, 10));

        assert_eq!(cache.insert_metadata(metadata(1), now), Ok(()));
        assert_eq!(cache.insert_metadata(metadata(1), now), Ok(()));
        assert_eq!(cache.insert_metadata(metadata(2), now), Err(Saturated));
    }

    #[test]
    fn old_entries_make_room() {
        let cache = PendingCache::new(limits());
        let start = Instant::now();
        cache
            .insert_sliver(ID, place(0), Bytes::from_static(b"12345678"), start)
            .unwrap();
        let later = start + limits().sliver_ttl;
        assert!(!cache.has_sliver(&ID, place(0), later));
        assert_eq!(cache.sizes(), (0, 0, 0));
        assert!(!cache.holds(&ID, later));
    }

    #[test]
    fn contents_stay_until_removed() {
        let cache = PendingCache::new(limits());
        let now = Instant::now();
        let entry = metadata(1);
        let id = *entry.verified.blob_id();
        cache.insert_metadata(entry, now).unwrap();
        cache
            .insert_sliver(id, place(0), Bytes::from_static(b"a"), now)
            .unwrap();
        let (found, slivers) = cache.contents(&id);
        assert!(found.is_some());
        // Arrives while the contents are being written: must not be lost.
        cache
            .insert_sliver(id, place(1), Bytes::from_static(b"b"), now)
            .unwrap();
        cache.remove(&id, &slivers);
        assert_eq!(cache.sizes(), (0, 1, 1));
        assert!(cache.has_sliver(&id, place(1), now));
    }

    #[test]
    fn zero_time_to_live_turns_it_off() {
        let off = PendingLimits {
            metadata_ttl: Duration::ZERO,
            sliver_ttl: Duration::ZERO,
            ..limits()
        };
        let cache = PendingCache::new(off);
        let now = Instant::now();
        assert_eq!(cache.insert_metadata(metadata(1), now), Err(Saturated));
        assert_eq!(
            cache.insert_sliver(ID, place(0), Bytes::new(), now),
            Err(Saturated)
        );
    }
}
