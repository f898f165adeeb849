//! Files of quilts.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use utoipa::ToSchema;
use walrus_core::{BlobId, quilt::QuiltPatchId};
use walrus_encoder::quilt::Patch;
use walrus_http::{Connection, budget::Holder};

use super::Aggregator;
use crate::{
    content::{Frame, entity_tag, frame, representation_headers},
    error::ApiError,
    extract::{PathOf, QuiltPath},
};

/// The name of the file.
const IDENTIFIER: HeaderName = HeaderName::from_static("x-quilt-patch-identifier");

/// A file of a quilt.
#[serde_as]
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PatchEntry {
    /// Its name
    identifier: String,
    /// Names it everywhere: 50 characters of URL-safe base64
    #[serde_as(as = "DisplayFromStr")]
    #[schema(value_type = String)]
    patch_id: QuiltPatchId,
    /// What it is tagged with
    tags: BTreeMap<String, String>,
}

/// Read a file of a quilt by its patch ID
#[utoipa::path(get, path = crate::paths::PATCH, tag = "aggregator",
    params(("patch_id" = String, Path, description = "Quilt patch ID: 50 characters of URL-safe base64")),
    responses(
        (status = 200, description = "The file; its tags are headers", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range asked for with `Range`"),
        (status = 304, description = "The client has it"),
        (status = 404, description = "BLOB_NOT_FOUND or QUILT_PATCH_NOT_FOUND"),
        (status = 503, description = "BLOB_UNAVAILABLE: try again later"),
    ))]
pub(crate) async fn by_patch_id(
    State(aggregator): State<Aggregator>,
    Extension(connection): Extension<Arc<Connection>>,
    PathOf(patch_id): PathOf<QuiltPatchId>,
    method: Method,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    answer(
        &aggregator,
        connection.holder(),
        &patch_id,
        &method,
        &request,
    )
    .await
}

/// Read a file of a quilt by its name; a `/` in it is written `%2F`
#[utoipa::path(get, path = crate::paths::PATCH_BY_IDENTIFIER, tag = "aggregator",
    params(
        ("quilt_id" = String, Path, description = "Blob ID of the quilt"),
        ("identifier" = String, Path, description = "Name of the file"),
    ),
    responses(
        (status = 200, description = "The file; its tags are headers", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range asked for with `Range`"),
        (status = 304, description = "The client has it"),
        (status = 404, description = "BLOB_NOT_FOUND or QUILT_PATCH_NOT_FOUND"),
    ))]
pub(crate) async fn by_identifier(
    State(aggregator): State<Aggregator>,
    Extension(connection): Extension<Arc<Connection>>,
    QuiltPath {
        quilt_id,
        identifier,
    }: QuiltPath,
    method: Method,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let quilt = aggregator.blobs.quilt(&quilt_id).await?;
    let patch_id = quilt
        .patch_id(&identifier)
        .ok_or_else(ApiError::patch_not_found)?;
    answer(
        &aggregator,
        connection.holder(),
        &patch_id,
        &method,
        &request,
    )
    .await
}

/// List the files of a quilt
#[utoipa::path(get, path = crate::paths::PATCHES, tag = "aggregator",
    params(("quilt_id" = String, Path, description = "Blob ID of the quilt")),
    responses(
        (status = 200, description = "The files in the order of their names", body = Vec<PatchEntry>),
        (status = 404, description = "BLOB_NOT_FOUND or QUILT_PATCH_NOT_FOUND"),
    ))]
pub(crate) async fn list(
    State(aggregator): State<Aggregator>,
    PathOf(quilt_id): PathOf<BlobId>,
) -> Result<Json<Vec<PatchEntry>>, ApiError> {
    let quilt = aggregator.blobs.quilt(&quilt_id).await?;
    let entries = quilt.patches().iter().map(|entry| PatchEntry {
        identifier: entry.patch.identifier.clone(),
        patch_id: entry.id(quilt_id),
        tags: entry.patch.tags.clone(),
    });
    Ok(Json(entries.collect()))
}

async fn answer(
    aggregator: &Aggregator,
    holder: Holder,
    patch_id: &QuiltPatchId,
    method: &Method,
    request: &HeaderMap,
) -> Result<Response, ApiError> {
    let patch = aggregator.blobs.patch(holder, patch_id).await?;
    let etag = entity_tag(&patch_id.to_string());
    let mut headers = representation_headers(request, &etag);
    if let Ok(identifier) = HeaderValue::from_str(&patch.identifier) {
        headers.insert(IDENTIFIER, identifier);
    }
    aggregator.allowed.add_tags(&mut headers, &patch.tags);
    let size = patch.data.len() as u64;
    let (status, range) = match frame(request, &etag, size, &mut headers)? {
        Frame::Bodiless(status) => return Ok((status, headers).into_response()),
        Frame::Bytes(status, range) => (status, range),
    };
    if *method == Method::HEAD {
        return Ok((status, headers, Body::empty()).into_response());
    }
    let index = |position| usize::try_from(position).expect("not larger than what is in memory");
    let (start, end) = (index(range.start), index(range.end));
    let body = Bytes::from_owner(Data(patch)).slice(start..end);
    Ok((status, headers, body).into_response())
}

/// The data of a file, shared with the cache.
struct Data(Arc<Patch>);

impl AsRef<[u8]> for Data {
    fn as_ref(&self) -> &[u8] {
        &self.0.data
    }
}
