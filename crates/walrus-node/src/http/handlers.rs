//! The endpoints of blobs, and health.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;
use walrus_core::{
    BlobPersistence, StorageConfirmation,
    node_api::{
        self, BlobStatus, ConfirmationQuery, ErrorEnvelope, HealthInfo, HealthQuery, OCTET_STREAM,
        PendingQuery, StoredStatus, Success, paths,
    },
};
use walrus_http::{Connection, HttpLimits, Received, Reception, budget::Budget, discard};

use super::{
    body,
    error::HttpError,
    limits::{metadata_body_bytes_max, sliver_body_bytes_max},
    path::{BlobPath, ObjectPath, QueryString, SliverPath},
    schema::Bcs,
};
use crate::service::{Service, Uploaded};

/// What the handlers share.
#[derive(Clone)]
pub(super) struct AppState {
    pub(super) service: Arc<Service>,
    pub(super) limits: Arc<HttpLimits>,
    uploads: Arc<Budget>,
}

impl AppState {
    pub(super) fn new(service: Arc<Service>, limits: HttpLimits) -> Self {
        let uploads = service
            .metrics()
            .budget("upload_bytes", limits.upload_bytes_max);
        Self {
            service,
            limits: Arc::new(limits),
            uploads,
        }
    }

    /// Reads a whole body of at most `bytes_max` bytes, in the name of `connection`.
    pub(super) async fn read_body(
        &self,
        connection: &Connection,
        headers: &HeaderMap,
        body: Body,
        bytes_max: usize,
    ) -> Result<Received, HttpError> {
        let reception = Reception {
            connection,
            limits: &self.limits,
            memory: &self.uploads,
        };
        Ok(reception.read(headers, body, bytes_max).await?)
    }
}

/// Metadata of a blob.
#[utoipa::path(
    get,
    path = paths::METADATA,
    tag = "blobs",
    params(BlobPath),
    responses(
        (status = 200, body = inline(Bcs), content_type = OCTET_STREAM, description = "BCS of the metadata with the blob ID"),
        (status = 404, body = ErrorEnvelope, description = "METADATA_NOT_FOUND"),
        (status = 451, body = ErrorEnvelope, description = "FORBIDDEN_BLOB"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn get_metadata(
    State(state): State<AppState>,
    BlobPath(blob_id): BlobPath,
) -> Result<Response, HttpError> {
    Ok(binary(state.service.metadata(blob_id).await?))
}

/// Stores the metadata of a blob.
#[utoipa::path(
    put,
    path = paths::METADATA,
    tag = "blobs",
    params(BlobPath, PendingQuery),
    request_body(content = inline(Bcs), content_type = OCTET_STREAM, description = "BCS of the metadata without the blob ID"),
    responses(
        (status = 201, body = Success<String>, description = "stored"),
        (status = 202, body = Success<String>, description = "accepted before the registration was seen"),
        (status = 200, body = Success<String>, description = "was stored already"),
        (status = 400, body = ErrorEnvelope, description = "NOT_REGISTERED, CACHE_SATURATED, INVALID_METADATA, INVALID_BLOB, UNSUPPORTED_ENCODING_TYPE, INVALID_CONTENT_TYPE"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
        (status = 504, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn put_metadata(
    State(state): State<AppState>,
    Extension(connection): Extension<Arc<Connection>>,
    BlobPath(blob_id): BlobPath,
    QueryString(query): QueryString<PendingQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    body::check_content_type(&headers)?;
    let (service, holder) = (&state.service, connection.holder());
    let early = service
        .metadata_upload_outcome(blob_id, query.pending, holder)
        .await;
    let uploaded = if let Some(early) = early.transpose() {
        discard(body).await;
        early?
    } else {
        let bytes_max = metadata_body_bytes_max(service.n_shards());
        let received = state
            .read_body(&connection, &headers, body, bytes_max)
            .await
            .map_err(body::too_large_for_envelope)?;
        let bytes = received.bytes.clone();
        service
            .store_metadata(blob_id, bytes, query.pending, holder)
            .await?
    };
    Ok(match uploaded {
        Uploaded::Stored => success(StatusCode::CREATED, node_api::METADATA_STORED),
        Uploaded::Buffered => success(StatusCode::ACCEPTED, node_api::METADATA_BUFFERED),
        Uploaded::AlreadyStored => success(StatusCode::OK, node_api::METADATA_ALREADY_STORED),
    })
}

/// Whether metadata is stored.
#[utoipa::path(
    get,
    path = paths::METADATA_STATUS,
    tag = "blobs",
    params(BlobPath),
    responses(
        (status = 200, body = Success<StoredStatus>, description = "stored or nonexistent"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn metadata_status(
    State(state): State<AppState>,
    BlobPath(blob_id): BlobPath,
) -> Result<Response, HttpError> {
    Ok(success(
        StatusCode::OK,
        state.service.metadata_status(blob_id).await?,
    ))
}

/// A sliver.
#[utoipa::path(
    get,
    path = paths::SLIVER,
    tag = "blobs",
    params(SliverPath),
    responses(
        (status = 200, body = inline(Bcs), content_type = OCTET_STREAM, description = "BCS of the sliver, without its axis"),
        (status = 400, body = ErrorEnvelope, description = "INDEX_OUT_OF_RANGE, SHARD_NOT_ASSIGNED"),
        (status = 404, body = ErrorEnvelope, description = "SLIVER_NOT_FOUND"),
        (status = 451, body = ErrorEnvelope, description = "FORBIDDEN_BLOB"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn get_sliver(
    State(state): State<AppState>,
    Extension(connection): Extension<Arc<Connection>>,
    path: SliverPath,
) -> Result<Response, HttpError> {
    let SliverPath {
        blob_id,
        pair,
        axis,
    } = path;
    let holder = connection.holder();
    Ok(binary(
        state.service.sliver(blob_id, pair, axis, holder).await?,
    ))
}

/// Stores a sliver. Over the limit of its size the answer is 413 in plain text.
#[utoipa::path(
    put,
    path = paths::SLIVER,
    tag = "blobs",
    params(SliverPath, PendingQuery),
    request_body(content = inline(Bcs), content_type = OCTET_STREAM, description = "BCS of the sliver, without its axis"),
    responses(
        (status = 201, body = Success<String>, description = "stored"),
        (status = 202, body = Success<String>, description = "accepted before the registration was seen"),
        (status = 200, body = Success<String>, description = "was stored already"),
        (status = 400, body = ErrorEnvelope, description = "INDEX_OUT_OF_RANGE, NOT_REGISTERED, METADATA_NOT_FOUND, INVALID_SLIVER, SLIVER_INDEX_MISMATCH, SHARD_NOT_ASSIGNED, UNSUPPORTED_ENCODING_TYPE, INVALID_BLOB, CACHE_SATURATED"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
        (status = 504, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn put_sliver(
    State(state): State<AppState>,
    Extension(connection): Extension<Arc<Connection>>,
    path: SliverPath,
    QueryString(query): QueryString<PendingQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let SliverPath {
        blob_id,
        pair,
        axis,
    } = path;
    let service = &state.service;
    let early = service
        .sliver_upload_outcome(blob_id, pair, axis, query.pending)
        .await;
    let uploaded = if let Some(early) = early.transpose() {
        discard(body).await;
        early?
    } else {
        let bytes_max = sliver_body_bytes_max(service.n_shards());
        let received = state
            .read_body(&connection, &headers, body, bytes_max)
            .await?;
        let bytes = received.bytes.clone();
        service
            .store_sliver(
                blob_id,
                pair,
                axis,
                bytes,
                query.pending,
                connection.holder(),
            )
            .await?
    };
    Ok(match uploaded {
        Uploaded::Stored => success(StatusCode::CREATED, node_api::SLIVER_STORED),
        Uploaded::Buffered => success(StatusCode::ACCEPTED, node_api::SLIVER_BUFFERED),
        Uploaded::AlreadyStored => success(StatusCode::OK, node_api::SLIVER_ALREADY_STORED),
    })
}

/// Whether a sliver is stored.
#[utoipa::path(
    get,
    path = paths::SLIVER_STATUS,
    tag = "blobs",
    params(SliverPath),
    responses(
        (status = 200, body = Success<StoredStatus>, description = "stored, buffered or nonexistent"),
        (status = 400, body = ErrorEnvelope, description = "INDEX_OUT_OF_RANGE, SHARD_NOT_ASSIGNED"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn sliver_status(
    State(state): State<AppState>,
    path: SliverPath,
) -> Result<Response, HttpError> {
    let SliverPath {
        blob_id,
        pair,
        axis,
    } = path;
    Ok(success(
        StatusCode::OK,
        state.service.sliver_status(blob_id, pair, axis).await?,
    ))
}

/// Confirms with a signature that this node stores its slivers of a permanent blob.
#[utoipa::path(
    get,
    path = paths::PERMANENT_CONFIRMATION,
    tag = "confirmations",
    params(BlobPath, ConfirmationQuery),
    responses(
        (status = 200, body = Success<StorageConfirmation>, description = "the signed confirmation"),
        (status = 400, body = ErrorEnvelope, description = "NOT_REGISTERED, MISSING_SLIVERS"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn permanent_confirmation(
    State(state): State<AppState>,
    BlobPath(blob_id): BlobPath,
    QueryString(query): QueryString<ConfirmationQuery>,
) -> Result<Response, HttpError> {
    let persistence = BlobPersistence::Permanent;
    let confirmation = state
        .service
        .confirmation(blob_id, persistence, wait(query))
        .await?;
    Ok(success(StatusCode::OK, confirmation))
}

/// Confirms with a signature that this node stores its slivers of a deletable blob.
#[utoipa::path(
    get,
    path = paths::DELETABLE_CONFIRMATION,
    tag = "confirmations",
    params(ObjectPath, ConfirmationQuery),
    responses(
        (status = 200, body = Success<StorageConfirmation>, description = "the signed confirmation"),
        (status = 400, body = ErrorEnvelope, description = "NOT_REGISTERED, MISSING_SLIVERS"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn deletable_confirmation(
    State(state): State<AppState>,
    ObjectPath(blob_id, object_id): ObjectPath,
    QueryString(query): QueryString<ConfirmationQuery>,
) -> Result<Response, HttpError> {
    let persistence = BlobPersistence::Deletable { object_id };
    let confirmation = state
        .service
        .confirmation(blob_id, persistence, wait(query))
        .await?;
    Ok(success(StatusCode::OK, confirmation))
}

/// What this node knows about a blob from the chain.
#[utoipa::path(
    get,
    path = paths::BLOB_STATUS,
    tag = "blobs",
    params(BlobPath),
    responses(
        (status = 200, body = Success<BlobStatus>, description = "the status"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn blob_status(
    State(state): State<AppState>,
    BlobPath(blob_id): BlobPath,
) -> Result<Response, HttpError> {
    Ok(success(
        StatusCode::OK,
        state.service.blob_status(blob_id).await?,
    ))
}

/// How this node is.
#[utoipa::path(
    get,
    path = paths::HEALTH,
    tag = "node",
    params(HealthQuery),
    responses(
        (status = 200, body = Success<HealthInfo>, description = "the report"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn health(
    State(state): State<AppState>,
    QueryString(query): QueryString<HealthQuery>,
) -> Response {
    success(StatusCode::OK, state.service.health(query.detailed))
}

fn wait(query: ConfirmationQuery) -> Option<Duration> {
    query
        .wait_millis
        .filter(|_| query.wait_for_registration)
        .map(Duration::from_millis)
}

pub(super) fn success<T: Serialize>(status: StatusCode, data: T) -> Response {
    (status, Json(Success::new(status.as_u16(), data))).into_response()
}

pub(super) fn binary(bytes: Bytes) -> Response {
    ([(header::CONTENT_TYPE, OCTET_STREAM)], bytes).into_response()
}
