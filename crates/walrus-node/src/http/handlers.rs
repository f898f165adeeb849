//! The endpoints of blobs, and health.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;
use tokio::{sync::Semaphore, time::timeout};
use walrus_core::{
    BlobPersistence,
    node_api::{self, ConfirmationQuery, HealthQuery, OCTET_STREAM, PendingQuery, Success},
};

use super::{
    body,
    error::HttpError,
    limits::{HttpLimits, SMALL_BODY_BYTES_MAX, sliver_body_bytes_max},
    path::{BlobPath, ObjectPath, QueryString, SliverPath},
};
use crate::service::{Service, Uploaded};

/// Upload memory is handed out in units of this size, because semaphores count in 32 bits.
const UPLOAD_UNIT_BYTES: usize = 4 * 1024;

/// What the handlers share.
#[derive(Clone)]
pub(super) struct AppState {
    pub(super) service: Arc<Service>,
    pub(super) limits: Arc<HttpLimits>,
    uploads: Arc<Semaphore>,
}

impl AppState {
    pub(super) fn new(service: Arc<Service>, limits: HttpLimits) -> Self {
        let units = limits.upload_bytes_max / UPLOAD_UNIT_BYTES;
        let uploads = Arc::new(Semaphore::new(units.clamp(1, Semaphore::MAX_PERMITS)));
        Self {
            service,
            limits: Arc::new(limits),
            uploads,
        }
    }

    /// Bytes of upload memory in use.
    pub(super) fn upload_bytes(&self) -> usize {
        let units = self.limits.upload_bytes_max / UPLOAD_UNIT_BYTES;
        units.saturating_sub(self.uploads.available_permits()) * UPLOAD_UNIT_BYTES
    }
}

pub(super) async fn get_metadata(
    State(state): State<AppState>,
    BlobPath(blob_id): BlobPath,
) -> Result<Response, HttpError> {
    Ok(binary(state.service.metadata(blob_id).await?))
}

pub(super) async fn put_metadata(
    State(state): State<AppState>,
    BlobPath(blob_id): BlobPath,
    QueryString(query): QueryString<PendingQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    body::check_content_type(&headers)?;
    let read = body::read(&headers, body, SMALL_BODY_BYTES_MAX, &state.limits).await;
    let body = read.map_err(|error| match error {
        HttpError::BodyTooLarge { limit } => HttpError::InvalidContentType(format!(
            "the body is larger than the limit of {limit} bytes"
        )),
        other => other,
    })?;
    let uploaded = state
        .service
        .store_metadata(blob_id, body, query.pending)
        .await?;
    Ok(match uploaded {
        Uploaded::Stored => success(StatusCode::CREATED, node_api::METADATA_STORED),
        Uploaded::Buffered => success(StatusCode::ACCEPTED, node_api::METADATA_BUFFERED),
        Uploaded::AlreadyStored => success(StatusCode::OK, node_api::METADATA_ALREADY_STORED),
    })
}

pub(super) async fn metadata_status(
    State(state): State<AppState>,
    BlobPath(blob_id): BlobPath,
) -> Result<Response, HttpError> {
    Ok(success(
        StatusCode::OK,
        state.service.metadata_status(blob_id).await?,
    ))
}

pub(super) async fn get_sliver(
    State(state): State<AppState>,
    path: SliverPath,
) -> Result<Response, HttpError> {
    Ok(binary(
        state
            .service
            .sliver(path.blob_id, path.pair, path.axis)
            .await?,
    ))
}

pub(super) async fn put_sliver(
    State(state): State<AppState>,
    path: SliverPath,
    QueryString(query): QueryString<PendingQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let bytes_max = sliver_body_bytes_max(state.service.n_shards());
    let expected = body::content_length(&headers)
        .unwrap_or(bytes_max)
        .min(bytes_max);
    let _memory = upload_memory(&state, expected).await?;
    let body = body::read(&headers, body, bytes_max, &state.limits).await?;
    let SliverPath {
        blob_id,
        pair,
        axis,
    } = path;
    let uploaded = state
        .service
        .store_sliver(blob_id, pair, axis, body, query.pending)
        .await?;
    Ok(match uploaded {
        Uploaded::Stored => success(StatusCode::CREATED, node_api::SLIVER_STORED),
        Uploaded::Buffered => success(StatusCode::ACCEPTED, node_api::SLIVER_BUFFERED),
        Uploaded::AlreadyStored => success(StatusCode::OK, node_api::SLIVER_ALREADY_STORED),
    })
}

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

pub(super) async fn blob_status(
    State(state): State<AppState>,
    BlobPath(blob_id): BlobPath,
) -> Result<Response, HttpError> {
    Ok(success(
        StatusCode::OK,
        state.service.blob_status(blob_id).await?,
    ))
}

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

/// Waits until the bytes of an upload may be held in memory.
async fn upload_memory(
    state: &AppState,
    bytes: usize,
) -> Result<tokio::sync::OwnedSemaphorePermit, HttpError> {
    let all = state.limits.upload_bytes_max / UPLOAD_UNIT_BYTES;
    let units = bytes.div_ceil(UPLOAD_UNIT_BYTES).min(all);
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    match timeout(
        state.limits.upload_wait_max,
        state.uploads.clone().acquire_many_owned(units),
    )
    .await
    {
        Ok(Ok(permit)) => Ok(permit),
        _ => Err(HttpError::Unavailable(
            "too many uploads at a time; try again later".into(),
        )),
    }
}

fn success<T: Serialize>(status: StatusCode, data: T) -> Response {
    (status, Json(Success::new(status.as_u16(), data))).into_response()
}

fn binary(bytes: Bytes) -> Response {
    ([(header::CONTENT_TYPE, OCTET_STREAM)], bytes).into_response()
}
