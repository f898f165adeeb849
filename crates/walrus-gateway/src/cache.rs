//! Pages of blobs in memory and on disk. Whoever asks for a page that is being fetched waits for
//! it: it is fetched once.
//!
//! A page is some whole rows of a blob, about a megabyte if rows are not larger: small enough that
//! the first is served soon, large enough that a hot one is served at the speed of memory.

mod disk;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use bytes::Bytes;
use moka::future::Cache;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use stdx::SaturatingFrom as _;
use walrus_client::{ClientError, OpenBlob};
use walrus_core::BlobId;
use walrus_http::Name;

use disk::DiskCache;
pub use disk::DiskCacheError;

/// The length pages have in bytes, unless a row is longer.
const PAGE_LENGTH: u64 = 1 << 20;

/// A folder for pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskCacheOptions {
    /// The folder; made if it does not exist. No other process may use it.
    pub folder: PathBuf,
    /// Bytes of pages in it, at most.
    pub bytes_max: u64,
}

/// Names a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PageKey {
    pub blob_id: BlobId,
    /// Its first byte.
    pub start: u64,
}

/// The bytes of a page of this blob: whole rows.
pub(crate) fn page_length(blob: &OpenBlob) -> u64 {
    let row = blob.row_length().max(1);
    PAGE_LENGTH.div_ceil(row).saturating_mul(row)
}

/// Where pages came from, and how much of the cache is in use.
#[derive(Debug, Clone, Default)]
pub(crate) struct CacheMetrics {
    pages: Family<Name, Counter>,
    memory_bytes: Gauge<u64, AtomicU64>,
    disk_bytes: Gauge<u64, AtomicU64>,
}

impl CacheMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "walrus_gateway_pages",
            "Pages of blobs asked for, by where they were: memory, disk, network",
            metrics.pages.clone(),
        );
        registry.register(
            "walrus_gateway_cached_memory_bytes",
            "Bytes of blobs cached in memory",
            metrics.memory_bytes.clone(),
        );
        registry.register(
            "walrus_gateway_cached_disk_bytes",
            "Bytes of blobs cached on disk",
            metrics.disk_bytes.clone(),
        );
        metrics
    }

    fn count(&self, place: &str) {
        let name = place.to_owned();
        self.pages.get_or_create(&Name { name }).inc();
    }
}

/// All cached pages.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    memory: Cache<PageKey, Bytes>,
    disk: Option<Arc<DiskCache>>,
    metrics: CacheMetrics,
}

impl Pages {
    pub(crate) fn new(
        memory_bytes_max: u64,
        disk: Option<&DiskCacheOptions>,
        metrics: CacheMetrics,
    ) -> Result<Self, DiskCacheError> {
        let disk = disk
            .map(|options| DiskCache::open(&options.folder, options.bytes_max))
            .transpose()?
            .map(Arc::new);
        let memory = Cache::builder()
            .max_capacity(memory_bytes_max)
            .weigher(|_: &PageKey, page: &Bytes| u32::saturating_from(page.len()))
            .build();
        Ok(Self {
            memory,
            disk,
            metrics,
        })
    }

    /// The page of a blob that begins at `start`.
    pub(crate) async fn get(&self, blob: &OpenBlob, start: u64) -> Result<Bytes, Arc<ClientError>> {
        let key = PageKey {
            blob_id: *blob.blob_id(),
            start,
        };
        if let Some(page) = self.memory.get(&key).await {
            self.metrics.count("memory");
            return Ok(page);
        }
        self.memory.try_get_with(key, self.load(blob, key)).await
    }

    async fn load(&self, blob: &OpenBlob, key: PageKey) -> Result<Bytes, ClientError> {
        if let Some(page) = self.load_from_disk(blob, key).await {
            self.metrics.count("disk");
            return Ok(page);
        }
        let end = key.start.saturating_add(page_length(blob)).min(blob.size());
        let page = Bytes::from(blob.read_range(key.start..end).await?);
        self.metrics.count("network");
        if let Some(disk) = &self.disk {
            disk.put(key, page.clone());
        }
        Ok(page)
    }

    async fn load_from_disk(&self, blob: &OpenBlob, key: PageKey) -> Option<Bytes> {
        let disk = self.disk.as_ref()?;
        let found = disk.get(key).await?;
        if found.is_checked {
            return Some(found.bytes);
        }
        let (blob, bytes) = (blob.clone(), found.bytes.clone());
        let length = page_length(&blob).min(blob.size().saturating_sub(key.start));
        let is_right = tokio::task::spawn_blocking(move || {
            bytes.len() as u64 == length && blob.is_at(key.start, &bytes)
        });
        if is_right.await.expect("verification does not panic") {
            disk.trust(key, &found.bytes);
            return Some(found.bytes);
        }
        tracing::warn!(
            ?key,
            "a page in the cache folder is not of its blob; it is fetched again"
        );
        disk.remove(key);
        None
    }

    /// Brings the metrics up to date.
    pub(crate) fn sample(&self) {
        self.metrics.memory_bytes.set(self.memory.weighted_size());
        if let Some(disk) = &self.disk {
            self.metrics.disk_bytes.set(disk.size());
        }
    }
}
