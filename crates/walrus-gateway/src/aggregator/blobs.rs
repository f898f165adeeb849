//! Blobs by their IDs and by their objects.

use std::{ops::Range, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use headers::ETag;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use walrus_core::{BlobId, ObjectId, node_api::ErrorStatus};
use walrus_http::{Connection, budget::Holder};

use super::Aggregator;
use crate::{
    blobs::Opened,
    content::{Frame, entity_tag, frame, is_known, representation_headers},
    error::{ApiError, Reason},
    extract::{PathOf, QueryOf},
};

/// First epoch in which the blob of an object is gone.
const END_EPOCH: HeaderName = HeaderName::from_static("x-walrus-end-epoch");
/// Says that an answer is sent while it is being read.
const STREAMING: HeaderName = HeaderName::from_static("x-walrus-streaming");

/// How much is checked. Every byte is always compared with what the blob ID commits to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConsistencyQuery {
    /// Encode the whole blob again before the first byte is sent, which proves that all readers see
    /// the same.
    #[serde(default)]
    pub(crate) strict_consistency_check: bool,
    /// Trust whoever stored the blob. Accepted for compatibility: the usual check costs nothing.
    #[serde(default)]
    pub(crate) skip_consistency_check: bool,
}

impl ConsistencyQuery {
    /// Does the strict check, if it is asked for.
    pub(crate) async fn apply(
        self,
        aggregator: &Aggregator,
        holder: Holder,
        opened: &Opened,
    ) -> Result<(), ApiError> {
        if self.strict_consistency_check && self.skip_consistency_check {
            return Err(ApiError::typed(
                ErrorStatus::InvalidArgument,
                Reason::InvalidConsistencyCheck,
                "strict_consistency_check and skip_consistency_check exclude each other",
            ));
        }
        if self.strict_consistency_check {
            aggregator.blobs.check_strictly(holder, opened).await?;
        }
        Ok(())
    }
}

/// The part asked for.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ByteRangeQuery {
    /// The first byte.
    start: u64,
    /// The number of bytes, at least one.
    length: u64,
}

/// Read a blob
#[utoipa::path(get, path = crate::paths::BLOB, tag = "aggregator",
    params(("blob_id" = String, Path, description = "Blob ID: 43 characters of URL-safe base64"), ConsistencyQuery),
    responses(
        (status = 200, description = "The blob", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range asked for with `Range`"),
        (status = 304, description = "The client has it: `If-None-Match` names the blob ID"),
        (status = 404, description = "BLOB_NOT_FOUND"),
        (status = 403, description = "BLOB_TOO_LARGE"),
        (status = 416, description = "INVALID_BYTE_RANGE"),
        (status = 451, description = "FORBIDDEN_BLOB"),
        (status = 503, description = "BLOB_UNAVAILABLE: try again later"),
    ))]
pub(crate) async fn by_id(
    State(aggregator): State<Aggregator>,
    Extension(connection): Extension<Arc<Connection>>,
    PathOf(blob_id): PathOf<BlobId>,
    QueryOf(query): QueryOf<ConsistencyQuery>,
    method: Method,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let opened = aggregator.blobs.open(&blob_id).await?;
    let reading = Reading::new(&aggregator, connection.holder(), &method, opened);
    let etag = entity_tag(&blob_id.to_string());
    let headers = representation_headers(&request, &etag);
    reading.answer(&request, &etag, headers, query).await
}

/// Read the blob of an object, with the object's attributes as headers
#[utoipa::path(get, path = crate::paths::BLOB_BY_OBJECT, tag = "aggregator",
    params(("object_id" = String, Path, description = "Object ID of a blob or a shared blob"), ConsistencyQuery),
    responses(
        (status = 200, description = "The blob", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range asked for with `Range`"),
        (status = 304, description = "The client has it"),
        (status = 404, description = "BLOB_NOT_FOUND"),
        (status = 503, description = "BLOB_UNAVAILABLE: try again later"),
    ))]
pub(crate) async fn by_object_id(
    State(aggregator): State<Aggregator>,
    Extension(connection): Extension<Arc<Connection>>,
    PathOf(object_id): PathOf<ObjectId>,
    QueryOf(query): QueryOf<ConsistencyQuery>,
    method: Method,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let object = aggregator.blobs.object(object_id).await;
    let object = object.map_err(|error| ApiError::of_chain(&error))?;
    let opened = aggregator.blobs.open(&object.blob.blob_id).await?;
    let etag = entity_tag(&object.blob.blob_id.to_string());
    let mut headers = representation_headers(&request, &etag);
    headers.insert(END_EPOCH, object.blob.storage.end_epoch.into());
    let attributes = object.attributes.iter().map(|(key, value)| (key, value));
    aggregator.allowed.add_attributes(&mut headers, attributes);
    let reading = Reading::new(&aggregator, connection.holder(), &method, opened);
    reading.answer(&request, &etag, headers, query).await
}

/// Read a part of a blob, in a form that every cache keeps: the part is in the URL, and the answer
/// is 200
#[utoipa::path(get, path = crate::paths::BYTE_RANGE, tag = "aggregator",
    params(("blob_id" = String, Path, description = "Blob ID"), ByteRangeQuery),
    responses(
        (status = 200, description = "The part", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "INVALID_BYTE_RANGE"),
        (status = 404, description = "BLOB_NOT_FOUND"),
    ))]
pub(crate) async fn byte_range(
    State(aggregator): State<Aggregator>,
    Extension(connection): Extension<Arc<Connection>>,
    PathOf(blob_id): PathOf<BlobId>,
    QueryOf(query): QueryOf<ByteRangeQuery>,
    method: Method,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let ByteRangeQuery { start, length } = query;
    let end = start.checked_add(length).filter(|_| length > 0);
    let end =
        end.ok_or_else(|| ApiError::invalid_range("the range is empty or beyond all blobs"))?;
    let opened = aggregator.blobs.open(&blob_id).await?;
    if end > opened.size() {
        let size = opened.size();
        let message = format!("the range ends at byte {end}, the blob at byte {size}");
        return Err(ApiError::invalid_range(message));
    }
    let etag = entity_tag(&format!("{blob_id}-{start}-{length}"));
    let headers = representation_headers(&request, &etag);
    let reading = Reading::new(&aggregator, connection.holder(), &method, opened);
    if is_known(&request, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    reading.send(StatusCode::OK, headers, start..end).await
}

/// Read a blob from its beginning to its end
#[utoipa::path(get, path = crate::paths::STREAM, tag = "aggregator",
    params(("blob_id" = String, Path, description = "Blob ID")),
    responses(
        (status = 200, description = "The blob", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, description = "BLOB_NOT_FOUND"),
        (status = 500, description = "SLIVER_RETRIEVAL_FAILED"),
    ))]
pub(crate) async fn stream(
    State(aggregator): State<Aggregator>,
    Extension(connection): Extension<Arc<Connection>>,
    PathOf(blob_id): PathOf<BlobId>,
    method: Method,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let opened = aggregator.blobs.open(&blob_id).await?;
    let etag = entity_tag(&blob_id.to_string());
    let mut headers = representation_headers(&request, &etag);
    headers.insert(STREAMING, HeaderValue::from_static("true"));
    let whole = 0..opened.size();
    let reading = Reading::new(&aggregator, connection.holder(), &method, opened);
    let sent = reading.send(StatusCode::OK, headers, whole).await;
    sent.map_err(|error| match error {
        ApiError::Typed {
            reason: Reason::BlobUnavailable,
            message,
            ..
        } => ApiError::typed(
            ErrorStatus::Internal,
            Reason::SliverRetrievalFailed,
            message,
        ),
        other => other,
    })
}

/// A read in the name of a peer.
struct Reading<'a> {
    aggregator: &'a Aggregator,
    holder: Holder,
    is_head: bool,
    opened: Arc<Opened>,
}

impl<'a> Reading<'a> {
    fn new(
        aggregator: &'a Aggregator,
        holder: Holder,
        method: &Method,
        opened: Arc<Opened>,
    ) -> Self {
        Self {
            aggregator,
            holder,
            is_head: method == Method::HEAD,
            opened,
        }
    }

    /// Answers with what the conditions and the range of the request leave of the blob.
    async fn answer(
        &self,
        request: &HeaderMap,
        etag: &ETag,
        mut headers: HeaderMap,
        query: ConsistencyQuery,
    ) -> Result<Response, ApiError> {
        let (status, range) = match frame(request, etag, self.opened.size(), &mut headers)? {
            Frame::Bodiless(status) => return Ok((status, headers).into_response()),
            Frame::Bytes(status, range) => (status, range),
        };
        query
            .apply(self.aggregator, self.holder, &self.opened)
            .await?;
        self.send(status, headers, range).await
    }

    /// Sends a range. Who asks only for the head costs no data.
    async fn send(
        &self,
        status: StatusCode,
        mut headers: HeaderMap,
        range: Range<u64>,
    ) -> Result<Response, ApiError> {
        headers.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
        let body = if self.is_head {
            Body::empty()
        } else {
            let blobs = &self.aggregator.blobs;
            blobs
                .body(self.holder, Arc::clone(&self.opened), range)
                .await?
        };
        Ok((status, headers, body).into_response())
    }
}
