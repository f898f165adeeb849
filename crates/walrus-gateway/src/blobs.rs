//! What readers are given: open blobs, their bytes page by page, files of quilts, attributes of
//! objects.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use moka::future::Cache;
use stdx::SaturatingFrom as _;
use walrus_client::{ClientError, OpenBlob, OpenQuilt, WalrusClient, progress::no_progress};
use walrus_contracts::types::Blob;
use walrus_core::{BlobId, ObjectId, quilt::QuiltPatchId};
use walrus_encoder::{ConsistencyCheck, quilt::Patch};
use walrus_http::budget::{Budget, Holder, Lease};
use walrus_sui::SuiError;

use crate::{
    blocklist::Blocklist,
    cache::{Pages, page_length},
    error::ApiError,
};

/// Blobs whose metadata is kept.
const OPEN_BLOBS_MAX: u64 = 10_000;
/// How long a blob counts as existing after it was looked up.
const OPEN_FOR: Duration = Duration::from_secs(60);
/// Quilts whose index is kept.
const OPEN_QUILTS_MAX: u64 = 1_000;
/// Objects that are kept, and how long: their attributes may change.
const OBJECTS_MAX: u64 = 10_000;
const OBJECT_FOR: Duration = Duration::from_secs(10);
/// Pages fetched ahead of what a reader has taken.
const PAGES_AHEAD: usize = 2;
/// What fetching takes in memory besides the pages: slivers as they arrive, and the page they
/// become.
const FETCH_FACTOR: u64 = 2;
/// Longest wait for memory, then 503.
const MEMORY_WAIT_MAX: Duration = Duration::from_secs(20);

/// A blob that can be read.
pub(crate) struct Opened {
    blob: OpenBlob,
    page_length: u64,
    /// Whether it was encoded again and compared with its ID.
    is_strictly_checked: AtomicBool,
}

impl Opened {
    fn new(blob: OpenBlob) -> Self {
        Self {
            page_length: page_length(&blob),
            blob,
            is_strictly_checked: AtomicBool::new(false),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.blob.size()
    }

    /// Bytes a reader of a range holds at a time, fetching included.
    fn memory(&self, range: &Range<u64>) -> u64 {
        let ahead = self.page_length.saturating_mul(PAGES_AHEAD as u64);
        let needed = (range.end - range.start).saturating_add(self.page_length);
        ahead.min(needed).saturating_mul(FETCH_FACTOR)
    }
}

/// A blob object and its attributes.
#[derive(Debug)]
pub(crate) struct BlobObject {
    pub blob: Blob,
    pub attributes: Vec<(String, String)>,
}

/// Where blobs come from. Clones share everything.
#[derive(Clone)]
pub(crate) struct Blobs {
    client: WalrusClient,
    blocklist: Blocklist,
    blob_size_max: Option<u64>,
    opened: Cache<BlobId, Arc<Opened>>,
    quilts: Cache<BlobId, Arc<OpenQuilt>>,
    patches: Cache<QuiltPatchId, Arc<Patch>>,
    objects: Cache<ObjectId, Arc<BlobObject>>,
    pages: Pages,
    memory: Arc<Budget>,
}

impl Blobs {
    pub(crate) fn new(
        client: WalrusClient,
        blocklist: Blocklist,
        blob_size_max: Option<u64>,
        pages: Pages,
        patch_bytes_max: u64,
        memory: Arc<Budget>,
    ) -> Self {
        let patch_weight =
            |_: &QuiltPatchId, patch: &Arc<Patch>| u32::saturating_from(patch.data.len().max(1));
        Self {
            client,
            blocklist,
            blob_size_max,
            opened: Cache::builder()
                .max_capacity(OPEN_BLOBS_MAX)
                .time_to_live(OPEN_FOR)
                .build(),
            quilts: Cache::builder()
                .max_capacity(OPEN_QUILTS_MAX)
                .time_to_live(OPEN_FOR)
                .build(),
            patches: Cache::builder()
                .max_capacity(patch_bytes_max)
                .weigher(patch_weight)
                .build(),
            objects: Cache::builder()
                .max_capacity(OBJECTS_MAX)
                .time_to_live(OBJECT_FOR)
                .build(),
            pages,
            memory,
        }
    }

    pub(crate) fn client(&self) -> &WalrusClient {
        &self.client
    }

    pub(crate) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// A blob that exists, is certified, and may be served.
    pub(crate) async fn open(&self, blob_id: &BlobId) -> Result<Arc<Opened>, ApiError> {
        let opened = self.look_up(blob_id).await?;
        self.check_size(opened.size())?;
        Ok(opened)
    }

    async fn look_up(&self, blob_id: &BlobId) -> Result<Arc<Opened>, ApiError> {
        if self.blocklist.contains(blob_id) {
            return Err(ApiError::forbidden());
        }
        let open = async { Ok(Arc::new(Opened::new(self.client.open(blob_id).await?))) };
        let opened = self.opened.try_get_with(*blob_id, open).await;
        opened.map_err(|error: Arc<ClientError>| ApiError::of_read(&error))
    }

    fn check_size(&self, size: u64) -> Result<(), ApiError> {
        match self.blob_size_max {
            Some(limit) if size > limit => Err(ApiError::too_large(size, limit)),
            _ => Ok(()),
        }
    }

    /// The blob of an object, and its attributes.
    pub(crate) async fn object(&self, id: ObjectId) -> Result<Arc<BlobObject>, Arc<SuiError>> {
        let read = async {
            let reader = self.client.reader();
            let blob = reader.blob_in(id).await?;
            let attributes = reader.blob_attributes(blob.id).await?.unwrap_or_default();
            Ok(Arc::new(BlobObject { blob, attributes }))
        };
        self.objects.try_get_with(id, read).await
    }

    /// Proves that the blob was encoded as its ID says, from end to end. Done once for a blob that
    /// stays open.
    pub(crate) async fn check_strictly(
        &self,
        holder: Holder,
        opened: &Opened,
    ) -> Result<(), ApiError> {
        if opened.is_strictly_checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        let _memory = self
            .reserve(holder, opened.size().saturating_mul(FETCH_FACTOR))
            .await?;
        let progress = no_progress();
        self.client
            .read(opened.blob.blob_id(), ConsistencyCheck::Strict, &progress)
            .await
            .map_err(|error| ApiError::of_read(&error))?;
        opened.is_strictly_checked.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// A range of a blob as the body of an answer, its first page fetched and checked already. If a
    /// later one cannot be had, the body is cut off.
    pub(crate) async fn body(
        &self,
        holder: Holder,
        opened: Arc<Opened>,
        range: Range<u64>,
    ) -> Result<Body, ApiError> {
        if range.is_empty() {
            return Ok(Body::empty());
        }
        let memory = self.reserve(holder, opened.memory(&range)).await?;
        let is_one_page = range.start / opened.page_length == (range.end - 1) / opened.page_length;
        if is_one_page {
            let start = range.start / opened.page_length * opened.page_length;
            let page = self.pages.get(&opened.blob, start).await;
            let page = page.map_err(|error| ApiError::of_read(&error))?;
            let bytes = cut(&page, start, &range);
            return Ok(Body::from(Bytes::from_owner(Held {
                bytes,
                _memory: memory,
            })));
        }
        let mut pages = Box::pin(self.clone().range(opened, range, memory));
        let first = match pages.next().await {
            Some(Ok(first)) => first,
            Some(Err(error)) => return Err(ApiError::of_read(&error)),
            None => return Ok(Body::empty()),
        };
        Ok(Body::from_stream(
            stream::once(std::future::ready(Ok(first))).chain(pages),
        ))
    }

    /// Several blobs one after the other.
    pub(crate) async fn concatenation(
        &self,
        holder: Holder,
        blobs: Vec<Arc<Opened>>,
    ) -> Result<Body, ApiError> {
        let memory = blobs
            .iter()
            .map(|blob| blob.memory(&(0..blob.size())))
            .max();
        let memory = Arc::new(self.reserve(holder, memory.unwrap_or(0)).await?);
        let source = self.clone();
        let parts = stream::iter(blobs).flat_map(move |blob| {
            let range = 0..blob.size();
            source.clone().range(blob, range, Arc::clone(&memory))
        });
        Ok(Body::from_stream(parts))
    }

    /// The bytes of a range, page by page. `memory` is held as long as they are being read.
    fn range<M: Send + 'static>(
        self,
        opened: Arc<Opened>,
        range: Range<u64>,
        memory: M,
    ) -> impl Stream<Item = Result<Bytes, Arc<ClientError>>> + Send {
        let page_length = opened.page_length;
        let first = range.start / page_length;
        let pages = first..range.end.div_ceil(page_length);
        let pages = stream::iter(pages).map(move |page| {
            let (source, opened) = (self.clone(), Arc::clone(&opened));
            async move { source.pages.get(&opened.blob, page * page_length).await }
        });
        pages
            .buffered(PAGES_AHEAD)
            .zip(stream::iter(first..))
            .map(move |(page, number)| {
                let _held = &memory;
                page.map(|bytes| cut(&bytes, number * page_length, &range))
            })
            .inspect_err(|error| tracing::warn!(%error, "an answer was cut off"))
    }

    /// Waits for memory in the name of a peer.
    async fn reserve(&self, holder: Holder, bytes: u64) -> Result<Lease, ApiError> {
        let bytes = usize::saturating_from(bytes);
        let lease = self.memory.take(holder, bytes, MEMORY_WAIT_MAX).await;
        lease.ok_or_else(ApiError::busy)
    }

    /// The index of a quilt.
    pub(crate) async fn quilt(&self, quilt_id: &BlobId) -> Result<Arc<OpenQuilt>, ApiError> {
        let opened = self.look_up(quilt_id).await?;
        let open = async { Ok(Arc::new(opened.blob.quilt().await?)) };
        let quilt = self.quilts.try_get_with(*quilt_id, open).await;
        quilt.map_err(|error: Arc<ClientError>| ApiError::of_read(&error))
    }

    /// A file of a quilt.
    pub(crate) async fn patch(
        &self,
        holder: Holder,
        patch_id: &QuiltPatchId,
    ) -> Result<Arc<Patch>, ApiError> {
        let columns = patch_id
            .columns()
            .map_err(|_| ApiError::patch_not_found())?;
        let opened = self.look_up(&patch_id.quilt_id).await?;
        let count = u64::from(columns.end - columns.start);
        let size = count.saturating_mul(opened.blob.column_length());
        let memory = size.saturating_mul(FETCH_FACTOR);
        let read = async {
            let _memory = self
                .reserve(holder, memory)
                .await
                .map_err(PatchError::Busy)?;
            let patch = opened.blob.quilt_patch(columns).await;
            Ok(Arc::new(patch.map_err(PatchError::Read)?))
        };
        let patch = self.patches.try_get_with(patch_id.clone(), read).await;
        let patch = patch.map_err(|error: Arc<PatchError>| match &*error {
            PatchError::Busy(busy) => busy.clone(),
            PatchError::Read(error) => ApiError::of_read(error),
        })?;
        self.check_size(patch.data.len() as u64)?;
        Ok(patch)
    }
}

/// Bytes on their way, and the right to hold them.
struct Held {
    bytes: Bytes,
    _memory: Lease,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a file of a quilt could not be read.
enum PatchError {
    Busy(ApiError),
    Read(ClientError),
}

/// The part of a page, which begins at `start`, that lies in a range.
fn cut(page: &Bytes, start: u64, range: &Range<u64>) -> Bytes {
    let length = page.len() as u64;
    let within = |position: u64| {
        let offset = position.saturating_sub(start).min(length);
        usize::try_from(offset).expect("not larger than the length of the page")
    };
    page.slice(within(range.start)..within(range.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_cut_to_the_range() {
        let page = Bytes::from_static(b"0123456789");
        for (start, range, expected) in [
            (0, 0..10, "0123456789"),
            (0, 3..5, "34"),
            (10, 3..12, "01"),
            (10, 13..40, "3456789"),
            (10, 0..10, ""),
            (10, 20..30, ""),
        ] {
            let part = cut(&page, start, &range);
            assert_eq!(part, expected, "{start} {range:?}");
        }
    }
}
