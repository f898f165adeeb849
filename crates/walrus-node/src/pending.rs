//! Data of blobs whose registration has not been seen yet.
//!
//! A client may upload while its registration transaction is still running. What it sends is
//! verified, kept in memory for a minute, and written to the storage as soon as the registration
//! appears. All sizes are bounded; when a bound is reached the upload is refused and the client
//! falls back to uploading after registration. The room is shared among peers as
//! [`walrus_http::budget`] says.

use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use stdx::Mutex;
use tokio::time::Instant;
use walrus_core::{BlobId, SliverPairIndex, SliverType, VerifiedMetadata};

use walrus_http::budget::{Budget, Holder, Lease};

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
    metadata_room: Arc<Budget>,
    sliver_room: Arc<Budget>,
    sliver_bytes: Arc<Budget>,
    blobs: Mutex<HashMap<BlobId, PendingBlob>>,
}

#[derive(Debug, Default)]
struct PendingBlob {
    metadata: Option<PendingMetadata>,
    slivers: HashMap<(SliverPairIndex, SliverType), PendingSliver>,
}

#[derive(Debug)]
struct PendingMetadata {
    entry: MetadataEntry,
    since: Instant,
    _room: Lease,
}

#[derive(Debug)]
struct PendingSliver {
    bytes: Bytes,
    since: Instant,
    _room: [Lease; 2],
}

impl PendingCache {
    /// An empty cache.
    pub fn new(limits: PendingLimits) -> Self {
        Self {
            metadata_room: Budget::new(limits.metadata_max),
            sliver_room: Budget::new(limits.slivers_max),
            sliver_bytes: Budget::new(limits.sliver_bytes_max),
            blobs: Mutex::default(),
            limits,
        }
    }

    /// Buffers metadata that `holder` sent. Metadata that is already there stays.
    pub fn insert_metadata(
        &self,
        entry: MetadataEntry,
        holder: Holder,
        now: Instant,
    ) -> Result<(), Saturated> {
        let mut blobs = self.lock_expired(now);
        let blob_id = *entry.verified.blob_id();
        if blobs
            .get(&blob_id)
            .is_some_and(|blob| blob.metadata.is_some())
        {
            return Ok(());
        }
        if self.limits.metadata_ttl.is_zero() || self.limits.metadata_max == 0 {
            return Err(Saturated);
        }
        let room = self.metadata_room.try_take(holder, 1).ok_or(Saturated)?;
        blobs.entry(blob_id).or_default().metadata = Some(PendingMetadata {
            entry,
            since: now,
            _room: room,
        });
        Ok(())
    }

    /// Whether one more entry of metadata from `holder` would be taken.
    pub fn has_room_for_metadata(&self, holder: Holder, now: Instant) -> bool {
        drop(self.lock_expired(now));
        !self.limits.metadata_ttl.is_zero()
            && self.limits.metadata_max > 0
            && self.metadata_room.has_room(holder, 1)
    }

    /// Buffers a sliver that `holder` sent. A sliver that is already there stays.
    pub fn insert_sliver(
        &self,
        blob_id: BlobId,
        place: (SliverPairIndex, SliverType),
        bytes: Bytes,
        holder: Holder,
        now: Instant,
    ) -> Result<(), Saturated> {
        let mut blobs = self.lock_expired(now);
        if blobs
            .get(&blob_id)
            .is_some_and(|blob| blob.slivers.contains_key(&place))
        {
            return Ok(());
        }
        let limits = &self.limits;
        let largest = limits.sliver_bytes_each_max.min(limits.sliver_bytes_max);
        if limits.sliver_ttl.is_zero() || limits.slivers_max == 0 || bytes.len() > largest {
            return Err(Saturated);
        }
        let room = self.sliver_room.try_take(holder, 1).ok_or(Saturated)?;
        let memory = self.sliver_bytes.try_take(holder, bytes.len());
        let sliver = PendingSliver {
            bytes,
            since: now,
            _room: [room, memory.ok_or(Saturated)?],
        };
        let blob = blobs.entry(blob_id).or_default();
        blob.slivers.insert(place, sliver);
        Ok(())
    }

    /// The buffered metadata of a blob.
    pub fn metadata(&self, blob_id: &BlobId, now: Instant) -> Option<MetadataEntry> {
        let blobs = self.lock_expired(now);
        let metadata = blobs.get(blob_id)?.metadata.as_ref()?;
        Some(metadata.entry.clone())
    }

    /// Whether a sliver is buffered.
    pub fn has_sliver(
        &self,
        blob_id: &BlobId,
        place: (SliverPairIndex, SliverType),
        now: Instant,
    ) -> bool {
        self.lock_expired(now)
            .get(blob_id)
            .is_some_and(|blob| blob.slivers.contains_key(&place))
    }

    /// Whether anything of the blob is buffered.
    pub fn holds(&self, blob_id: &BlobId, now: Instant) -> bool {
        self.lock_expired(now).contains_key(blob_id)
    }

    /// Everything buffered of a blob. It stays buffered until [`Self::remove`], so that at no
    /// moment it is nowhere.
    pub fn contents(&self, blob_id: &BlobId) -> (Option<MetadataEntry>, Vec<BufferedSliver>) {
        let blobs = self.blobs.lock();
        let Some(blob) = blobs.get(blob_id) else {
            return (None, Vec::new());
        };
        let metadata = blob.metadata.as_ref();
        let slivers = blob.slivers.iter();
        (
            metadata.map(|metadata| metadata.entry.clone()),
            slivers
                .map(|(place, sliver)| (*place, sliver.bytes.clone()))
                .collect(),
        )
    }

    /// Forgets the metadata of a blob and the given slivers.
    pub fn remove(&self, blob_id: &BlobId, slivers: &[BufferedSliver]) {
        let mut blobs = self.blobs.lock();
        let Some(blob) = blobs.get_mut(blob_id) else {
            return;
        };
        blob.metadata = None;
        for (place, _) in slivers {
            blob.slivers.remove(place);
        }
        if blob.slivers.is_empty() {
            blobs.remove(blob_id);
        }
    }

    /// Drops what is too old.
    pub fn expire(&self, now: Instant) {
        drop(self.lock_expired(now));
    }

    /// Numbers for metrics: metadata entries, slivers, bytes of slivers.
    pub fn sizes(&self) -> (usize, usize, usize) {
        (
            self.metadata_room.used(),
            self.sliver_room.used(),
            self.sliver_bytes.used(),
        )
    }

    /// The bounds.
    pub fn limits(&self) -> &PendingLimits {
        &self.limits
    }

    /// The table without what is too old.
    fn lock_expired(&self, now: Instant) -> MutexGuard<'_, HashMap<BlobId, PendingBlob>> {
        let old = |since: Instant, ttl: Duration| now.saturating_duration_since(since) >= ttl;
        let (metadata_ttl, sliver_ttl) = (self.limits.metadata_ttl, self.limits.sliver_ttl);
        let mut blobs = self.blobs.lock();
        blobs.retain(|_, blob| {
            blob.metadata
                .take_if(|metadata| old(metadata.since, metadata_ttl));
            blob.slivers
                .retain(|_, sliver| !old(sliver.since, sliver_ttl));
            blob.metadata.is_some() || !blob.slivers.is_empty()
        });
        blobs
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
    const ONE: Holder = Holder::NODE;

    /// A holder with another address.
    fn other() -> Holder {
        Holder {
            address: std::net::IpAddr::from([10, 0, 0, 1]).into(),
            connection: 1,
        }
    }

    #[test]
    fn one_connection_gets_a_third_of_the_room() {
        let cache = PendingCache::new(PendingLimits {
            slivers_max: 9,
            ..PendingLimits::default()
        });
        let now = Instant::now();
        let insert = |pair, connection| {
            let holder = Holder { connection, ..ONE };
            cache.insert_sliver(ID, place(pair), Bytes::from_static(b"x"), holder, now)
        };
        for pair in 0..3 {
            assert_eq!(insert(pair, 1), Ok(()));
        }
        assert_eq!(insert(3, 1), Err(Saturated));
        assert_eq!(insert(3, 2), Ok(()));
        assert_eq!(cache.sizes(), (0, 4, 4));
    }

    #[test]
    fn every_bound_is_kept() {
        let cache = PendingCache::new(limits());
        let now = Instant::now();
        let bytes = |len| Bytes::from(vec![0; len]);
        assert_eq!(
            cache.insert_sliver(ID, place(0), bytes(9), ONE, now),
            Err(Saturated)
        );
        assert_eq!(
            cache.insert_sliver(ID, place(0), bytes(8), ONE, now),
            Ok(())
        );
        assert_eq!(
            cache.insert_sliver(ID, place(0), bytes(8), ONE, now),
            Ok(()),
            "already there"
        );
        assert_eq!(
            cache.insert_sliver(ID, place(1), bytes(3), other(), now),
            Err(Saturated)
        );
        assert_eq!(
            cache.insert_sliver(ID, place(1), bytes(2), other(), now),
            Ok(())
        );
        assert_eq!(
            cache.insert_sliver(ID, place(2), bytes(0), other(), now),
            Err(Saturated)
        );
        assert_eq!(cache.sizes(), (0, 2, 10));

        assert_eq!(cache.insert_metadata(metadata(1), ONE, now), Ok(()));
        assert_eq!(cache.insert_metadata(metadata(1), ONE, now), Ok(()));
        assert_eq!(cache.insert_metadata(metadata(2), ONE, now), Err(Saturated));
    }

    #[test]
    fn old_entries_make_room() {
        let cache = PendingCache::new(limits());
        let start = Instant::now();
        cache
            .insert_sliver(ID, place(0), Bytes::from_static(b"12345678"), ONE, start)
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
        cache.insert_metadata(entry, ONE, now).unwrap();
        cache
            .insert_sliver(id, place(0), Bytes::from_static(b"a"), ONE, now)
            .unwrap();
        let (found, slivers) = cache.contents(&id);
        assert!(found.is_some());
        // Arrives while the contents are being written: must not be lost.
        cache
            .insert_sliver(id, place(1), Bytes::from_static(b"b"), other(), now)
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
        assert_eq!(cache.insert_metadata(metadata(1), ONE, now), Err(Saturated));
        assert_eq!(
            cache.insert_sliver(ID, place(0), Bytes::new(), ONE, now),
            Err(Saturated)
        );
    }
}
