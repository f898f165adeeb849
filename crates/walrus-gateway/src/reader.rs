//! Reading for other servers: blobs page by page and files of quilts, through the caches of the
//! gateway.

use axum::{body::Body, http::StatusCode, response::IntoResponse as _};
use bytes::Bytes;
use prometheus_client::registry::Registry;
use std::{ops::Range, sync::Arc};
use stdx::SaturatingFrom as _;
use walrus_client::WalrusClient;
use walrus_core::{BlobId, quilt::QuiltPatchId};
use walrus_encoder::quilt::Patch;
use walrus_http::{HttpMetrics, budget::Holder};

use crate::{
    blobs::Blobs,
    blocklist::Blocklist,
    cache::{CacheMetrics, DiskCacheError, DiskCacheOptions, Pages},
    error::ApiError,
};

/// Share of the memory for cached pages, for files of quilts, and for answers on their way.
const PAGES_SHARE: u64 = 2;
const PATCHES_SHARE: u64 = 4;
const ANSWERS_SHARE: u64 = 4;

/// Why something cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not exist.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be read at this time.
    #[error("{0}")]
    Unavailable(String),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let text = match &error {
            ApiError::Typed { message, .. } | ApiError::Plain(_, message) => message.clone(),
            ApiError::RangeNotSatisfiable { .. } => "the range lies outside of the blob".to_owned(),
        };
        match error.into_response().status() {
            StatusCode::NOT_FOUND => Self::NotFound(text),
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable(text),
            _ => Self::Other(text),
        }
    }
}

/// Reads blobs; every byte is compared with what the blob ID commits to. Clones share caches and
/// bounds.
#[derive(Clone)]
pub struct BlobReader {
    blobs: Blobs,
}

impl BlobReader {
    /// A reader that holds at most `memory_bytes_max` bytes, and keeps pages on disk if there is a
    /// place for them.
    pub fn new(
        client: WalrusClient,
        memory_bytes_max: u64,
        disk_cache: Option<&DiskCacheOptions>,
        http: &HttpMetrics,
        registry: &mut Registry,
    ) -> Result<Self, DiskCacheError> {
        let metrics = CacheMetrics::register(registry);
        let pages = Pages::new(memory_bytes_max / PAGES_SHARE, disk_cache, metrics)?;
        let answers = usize::saturating_from(memory_bytes_max / ANSWERS_SHARE);
        let blobs = Blobs::new(
            client,
            Blocklist::default(),
            None,
            pages,
            memory_bytes_max / PATCHES_SHARE,
            http.budget("answer_bytes", answers),
        );
        Ok(Self { blobs })
    }

    /// A range of a blob. Its first page is fetched and checked when this returns; if a later one
    /// cannot be had, the body is cut off.
    pub async fn blob(
        &self,
        holder: Holder,
        blob_id: &BlobId,
        range: Range<u64>,
    ) -> Result<Body, Refusal> {
        let opened = self.blobs.open(blob_id).await?;
        if range.end > opened.size() {
            return Err(Refusal::Other(
                "the range lies outside of the blob".to_owned(),
            ));
        }
        Ok(self.blobs.body(holder, opened, range).await?)
    }

    /// A file of a quilt.
    pub async fn patch(&self, holder: Holder, patch_id: &QuiltPatchId) -> Result<Bytes, Refusal> {
        let patch = self.blobs.patch(holder, patch_id).await?;
        Ok(Bytes::from_owner(Data(patch)))
    }

    /// Brings the metrics up to date.
    pub fn sample(&self) {
        self.blobs.pages().sample();
    }
}

/// The data of a file, shared with the cache.
struct Data(Arc<Patch>);

impl AsRef<[u8]> for Data {
    fn as_ref(&self) -> &[u8] {
        &self.0.data
    }
}
